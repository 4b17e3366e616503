package main

import (
	"bufio"
	"fmt"
	"net"
	"testing"
	"time"
)

// echo answers each line with itself until the client is gone.
func echo(t *testing.T) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					fmt.Fprintln(conn, lines.Text())
				}
			}()
		}
	}()
	return listener.Addr().String()
}

// talk sends n lines through a proxy, each after the answer to the one before.
func talk(t *testing.T, p *proxy, n int) {
	t.Helper()
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", p.port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for range n {
		fmt.Fprintln(conn, "hello")
		if line, err := answers.ReadString('\n'); err != nil || line != "hello\n" {
			t.Fatalf("got %q, error %v", line, err)
		}
	}
}

func TestProxyCountsEachConnection(t *testing.T) {
	p, err := newProxy(echo(t))
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	talk(t, p, 5)
	p.reset(20*time.Millisecond, 0)
	begun := time.Now()
	talk(t, p, 3)
	if took := time.Since(begun); took < 80*time.Millisecond {
		t.Errorf("set-up and three turns: got %v, want 80 ms at least", took)
	}
	talk(t, p, 1)
	got := p.counts()
	want := []traffic{{18, 18, 3}, {6, 6, 1}}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// Closing the proxy ends connections that nobody uses any more.
func TestProxyCloseEndsConnections(t *testing.T) {
	p, err := newProxy(echo(t))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", p.port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintln(conn, "hello")
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	p.close()
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is still open")
	}
}
