package main

import "fmt"

// growth are the jobs that show how cost grows: nothing to do, and one new
// message on the server, with ever more messages in one mailbox and ever more
// mailboxes of ten messages.
func growth(scale float64) (list []job) {
	for _, messages := range []int{1_000, 10_000, 100_000, 1_000_000} {
		list = append(list, grown("messages", messages, shape{1, scaled(messages, scale), 700, seed})...)
	}
	for _, mailboxes := range []int{10, 100, 1_000, 10_000} {
		list = append(list, grown("mailboxes", mailboxes, shape{scaled(mailboxes, scale), 10, 700, seed})...)
	}
	return list
}

func grown(what string, n int, of shape) []job {
	quiet := job{id: fmt.Sprintf("noop-%s-%d", what, n), kind: noop, shape: of}
	one := job{id: fmt.Sprintf("one-%s-%d", what, n), kind: incremental, shape: of, change: change{added: 1, mean: 4_000}}
	quiet.title, one.title = quiet.describe(), one.describe()
	return []job{quiet, one}
}
