package mirror_test

// foundHistories are histories that failed once, shrunk.
var foundHistories = []struct{ kind, script string }{}
