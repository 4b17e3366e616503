package main

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// A shape says how much mail there is, and how it is spread.
type shape struct {
	mailboxes int
	each      int // messages a mailbox
	mean      int // octets a message on the wire, on average
	seed      uint64
}

// messages is how many there are in all.
func (s shape) messages() int { return s.mailboxes * s.each }

// octets is what they come to on the wire, with CRLF.
func (s shape) octets() int64 { return int64(s.messages()) * int64(max(s.mean, smallest)) }

// scaled is the shape with a part of its messages, at least one a mailbox.
func (s shape) scaled(by float64) shape {
	s.each = scaled(s.each, by)
	return s
}

func scaled(n int, by float64) int { return max(1, int(math.Round(float64(n)*by))) }

// mailboxName is the name of the i-th mailbox, on both sides and on the wire.
func mailboxName(i int) string {
	if i == 0 {
		return "INBOX"
	}
	return fmt.Sprintf("box-%05d", i)
}

// smallest is the least size of a message, in octets: its header and a line.
const smallest = 600

// sizes returns n sizes in octets that add up to n × mean, spread as mail is:
// most of them small, few of them a hundred times as large (log-normal).
func sizes(seed uint64, n, mean int) []int {
	r := rand.New(rand.NewPCG(seed, 1))
	weights := make([]float64, n)
	for i := range weights {
		weights[i] = math.Exp(1.5 * r.NormFloat64())
	}
	total := n * max(mean, smallest)
	low, high := 0.0, float64(total)
	for range 64 {
		if middle := (low + high) / 2; sum(sizesBy(weights, middle)) > total {
			high = middle
		} else {
			low = middle
		}
	}
	list := sizesBy(weights, low)
	for i, left := 0, total-sum(list); left > 0; i, left = (i+1)%n, left-1 {
		list[i]++
	}
	return list
}

func sizesBy(weights []float64, factor float64) []int {
	list := make([]int, len(weights))
	for i, w := range weights {
		list[i] = max(smallest, int(w*factor))
	}
	return list
}

func sum(list []int) (total int) {
	for _, n := range list {
		total += n
	}
	return total
}

// letter makes the n-th message of a seed: size octets with CRLF line ends.
func letter(seed uint64, n, size int) []byte {
	r := rand.New(rand.NewPCG(seed, uint64(n)+2))
	b := bytes.NewBuffer(make([]byte, 0, size))
	stamp := letterDate(n).Format(time.RFC1123Z)
	fmt.Fprintf(b, "Received: from mx%d.example.org (mx%d.example.org [192.0.2.%d])\r\n\tby mail.example.org with ESMTPS; %s\r\n", n%5, n%5, n%200+1, stamp)
	fmt.Fprintf(b, "Message-ID: <%d.%d.%d@example.org>\r\nDate: %s\r\n", n, seed, r.Uint64(), stamp)
	fmt.Fprintf(b, "From: Ann <ann@example.org>\r\nTo: Bob <bob@example.net>\r\nSubject: letter %d of many\r\n", n)
	b.WriteString("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n")
	fillLines(b, r, size)
	return b.Bytes()
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// fillLines appends lines of 76 letters until b holds size octets, CRLF at the
// end. It takes ten letters from each random number.
func fillLines(b *bytes.Buffer, r *rand.Rand, size int) {
	for size-b.Len() >= 2 {
		length := min(76, size-b.Len()-2)
		if size-b.Len()-length-2 == 1 {
			length-- // a line needs two octets for its end
		}
		for length > 0 {
			for bits, i := r.Uint64(), 0; i < 10 && length > 0; i, length = i+1, length-1 {
				b.WriteByte(alphabet[bits>>(6*i)&63])
			}
		}
		b.WriteString("\r\n")
	}
}

// letterDate is the INTERNALDATE of the n-th message: a whole second.
func letterDate(n int) time.Time { return time.Unix(1_500_000_000+60*int64(n), 0).UTC() }

// letterFlags are the letters of the flags in a Maildir name.
func letterFlags(n int) string {
	return []string{"S", "S", "S", "RS", "S", "FS", "S", "", "S", "S"}[n%10]
}

// localForm is a message with LF line ends, as a Maildir holds it.
func localForm(body []byte) []byte { return bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n")) }

// eachLetter calls f for every message of the shape, mailbox by mailbox. A message is
// the caller's until f returns.
func (s shape) eachLetter(f func(mailbox string, n int, body []byte) error) error {
	list := sizes(s.seed, s.messages(), s.mean)
	for i := range s.mailboxes {
		for j := range s.each {
			n := i*s.each + j
			if err := f(mailboxName(i), n, letter(s.seed, n, list[n])); err != nil {
				return err
			}
		}
	}
	return nil
}
