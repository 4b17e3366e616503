package imapconn_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"mailtwin/imapside/imapconn"
)

// answering plays a server that answers every command with the same octets and
// its tag.
func answering(b *testing.B, reply []byte) net.Conn {
	b.Helper()
	client, server := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.WriteString(server, "* PREAUTH [CAPABILITY IMAP4rev1 LITERAL+] hi\r\n")
		buf := make([]byte, 4096)
		for {
			n, err := server.Read(buf)
			if err != nil {
				return
			}
			tag, _, _ := strings.Cut(string(buf[:n]), " ")
			server.Write(reply)
			fmt.Fprintf(server, "%s OK done\r\n", tag)
		}
	}()
	b.Cleanup(func() {
		client.Close()
		server.Close()
		<-done
	})
	return client
}

// BenchmarkFetchFlags is a list of 100,000 messages and their flags.
func BenchmarkFetchFlags(b *testing.B) {
	for _, order := range []string{"ascending", "descending"} {
		b.Run(order, func(b *testing.B) {
			const messages = 100_000
			var reply bytes.Buffer
			for i := range messages {
				uid := i + 1
				if order == "descending" {
					uid = messages - i
				}
				fmt.Fprintf(&reply, "* %d FETCH (UID %d FLAGS (\\Seen \\Answered $Forwarded))\r\n", uid, uid)
			}
			c, err := imapconn.New(b.Context(), answering(b, reply.Bytes()), clear(imapconn.Options{}))
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			b.ReportAllocs()
			for b.Loop() {
				data, err := c.UIDFetch(bg(), uids("1:*"), imapconn.FetchItems{Flags: true}, imapconn.FetchHandler{
					Message: func(*imapconn.FetchMessage) error { return nil },
				}).Wait()
				if err != nil || imapconn.CountUIDs(data.Arrived) != messages {
					b.Fatalf("got %v, %v", data, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/messages, "ns/message")
		})
	}
}

// BenchmarkFetchBodies is 10,000 messages of 8 KB.
func BenchmarkFetchBodies(b *testing.B) {
	const messages, size = 10_000, 8 << 10
	var reply bytes.Buffer
	for i := range messages {
		fmt.Fprintf(&reply, "* %d FETCH (UID %d BODY[] {%d}\r\n%s)\r\n", i+1, i+1, size, strings.Repeat("x", size))
	}
	c, err := imapconn.New(b.Context(), answering(b, reply.Bytes()), clear(imapconn.Options{}))
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	b.SetBytes(messages * size)
	b.ReportAllocs()
	buf := make([]byte, 32<<10)
	for b.Loop() {
		_, err := c.UIDFetch(bg(), uids("1:*"), imapconn.FetchItems{Sections: []imapconn.Section{{}}}, imapconn.FetchHandler{
			Body: func(_ *imapconn.FetchMessage, body *imapconn.FetchBody) error {
				for {
					if _, err := body.Read(buf); err != nil {
						if err == io.EOF {
							return nil
						}
						return err
					}
				}
			},
		}).Wait()
		if err != nil {
			b.Fatal(err)
		}
	}
}
