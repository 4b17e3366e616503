package main

// A lane is a test run: some tests of one package, and how large they are.
type lane struct {
	name    string
	pkg     string
	run     string // pattern of -run
	dovecot bool   // sized by -dovecot, not by -times
	// scale is what part of its full size fits into CI; 0 is all of it.
	scale float64
}

// lanes are all of the proof. Those of one package share its compiled tests.
var lanes = []lane{
	{name: "histories", pkg: "./mirror", run: "^(TestRandomHistories|TestFoundHistories|TestStorm)$"},
	{name: "crash points", pkg: "./mirror", run: "^TestEveryCrashPoint$"},
	{name: "cuts", pkg: "./imapside", run: "^(TestCuts|TestLanesCutAnywhere|TestLateAppends|TestWireHistories)$"},
	{name: "disks", pkg: "./maildir", run: "^Test(EveryDiskCall|PowerLoss|FullDisk|Coarse|Restless)", scale: 0.3},
	{name: "state", pkg: "./statedb", run: "^Test"},
	{name: "Dovecot", pkg: "./internal/acceptance", run: "^Test", dovecot: true},
}
