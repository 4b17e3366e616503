package imapside

// LaneOctets returns how many octets count as under way over each further connection.
func LaneOctets(r *Repository) (octets []int64) {
	for _, l := range append(r.lanes.open, r.lanes.leaving...) {
		octets = append(octets, l.octets)
	}
	return octets
}
