package mirror

// Letters of the tests are small.
func init() { donorOctets = 100 }
