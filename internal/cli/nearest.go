package cli

// nearest returns the word of known that is likely meant by given; "" where
// none is near. Near is a third of the letters wrong, or one in a short word.
func nearest(given string, known []string) string {
	best, limit := "", max(1, len(given)/3)
	for _, word := range known {
		if d := distance([]rune(given), []rune(word)); d <= limit {
			best, limit = word, d-1
		}
	}
	return best
}

// distance counts the letters to insert, drop, replace or swap with their
// neighbour to make b of a (optimal string alignment).
func distance(a, b []rune) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replace := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
