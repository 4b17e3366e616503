package config

// nearest returns the word that wrong was most likely meant to be: the one
// with the fewest edits, the first of several; empty when none is close.
func nearest(wrong string, words []string) string {
	best, fewest := "", len(wrong)/2+1
	for _, word := range words {
		if d := distance(wrong, word); d < fewest {
			best, fewest = word, d
		}
	}
	return best
}

// distance counts the octets to insert, drop, replace or swap with their
// neighbour to make a into b (optimal string alignment).
func distance(a, b string) int {
	var before []int // the row above above
	above := make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := above[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(above[j]+1, row[j-1]+1, replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above = above, row
	}
	return above[len(b)]
}
