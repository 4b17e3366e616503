package cli

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
)

// A demoThread is some messages under one subject. All people, places and
// firms in it are made up; example.org and its kin belong to nobody (RFC 2606).
type demoThread struct {
	mailbox string
	subject string
	people  []string // take turns; the last one is written to
	texts   []string // one a message
	flags   []imap.Flag
	html    bool
	file    string // the name of an attachment
	octets  int    // its size
}

const (
	ann   = "Ann <ann@example.org>"
	ben   = "Ben <ben@example.net>"
	chloe = "Chloé <chloe@example.com>"
	dmi   = "Дмитрий <dmitri@example.net>"
	emi   = "恵美 <emi@example.com>"
	list  = "go-nuts <go-nuts@lists.example.org>"
	house = "Hausverwaltung Beispiel <verwaltung@example.net>"
	rail  = "Example Railways <tickets@example.com>"
	shop  = "Example Books <orders@example.com>"
)

var (
	seen     = []imap.Flag{imap.FlagSeen}
	answered = []imap.Flag{imap.FlagSeen, imap.FlagAnswered}
	flagged  = []imap.Flag{imap.FlagSeen, imap.FlagFlagged}
	passedOn = []imap.Flag{imap.FlagSeen, imap.FlagForwarded}
	draft    = []imap.Flag{imap.FlagSeen, imap.FlagDraft}
)

// demoMailboxes are the mailboxes of the demo's server, as IMAP spells them.
var demoMailboxes = []string{"INBOX", "Sent", "Entwürfe", "Lists/go-nuts", "Lists/imap", "Projects/2026/Haus", "Архив/2024", "旅行", "Trash"}

var demoThreads = []demoThread{
	{mailbox: "INBOX", subject: "Lunch on Thursday?", people: []string{ben, ann}, flags: answered,
		texts: []string{"Noon, at the usual place? I have the keys with me.\n\nBen"}},
	{mailbox: "INBOX", subject: "Re: Lunch on Thursday?", people: []string{ben, ann}, flags: seen,
		texts: []string{"> half past twelve would be better\n\nHalf past it is.\n\nFrom the station it is ten minutes on foot."}},
	{mailbox: "INBOX", subject: "Your ticket: Lisbon, 3 October", people: []string{rail, ann}, flags: flagged, html: true, file: "ticket.pdf", octets: 48_000,
		texts: []string{"Your journey is booked. Coach 7, seat 42, window.\nPlease have the attached ticket at hand."}},
	{mailbox: "INBOX", subject: "Photos vom Wochenende", people: []string{chloe, ann}, flags: nil, file: "Sonnenuntergang am See.jpg", octets: 210_000,
		texts: []string{"Schöne Grüße vom See! Hier das erste Bild, mehr folgen.\n\nChloé"}},
	{mailbox: "INBOX", subject: "Order 2026-1187 is on its way", people: []string{shop, ann}, flags: seen, html: true,
		texts: []string{"Three books left our store today. You will have them on Tuesday."}},
	{mailbox: "INBOX", subject: "会議の資料", people: []string{emi, ann}, flags: nil, file: "資料.txt", octets: 6_000,
		texts: []string{"明日の会議の資料を送ります。\nよろしくお願いします。\n恵美"}},
	{mailbox: "INBOX", subject: "minutes of Monday", people: []string{ben, ann, chloe, ann}, flags: seen,
		texts: []string{"Attached nothing, all said below.\n.\nA line with a single dot stands above, as it should.", "Thanks. One correction: the deadline is the 14th.", "Noted, 14th it is."}},
	{mailbox: "Sent", subject: "Re: Lunch on Thursday?", people: []string{ann, ben}, flags: seen,
		texts: []string{"> Noon, at the usual place?\n\nhalf past twelve would be better"}},
	{mailbox: "Sent", subject: "Grüße aus Köln", people: []string{ann, chloe}, flags: seen, file: "Dom.jpg", octets: 90_000,
		texts: []string{"Der Dom steht noch. Bis Sonntag!\n\nAnn", "Und hier noch eins."}},
	{mailbox: "Sent", subject: "Fwd: Your ticket: Lisbon, 3 October", people: []string{ann, ben}, flags: passedOn,
		texts: []string{"So that you know when to be at the station."}},
	{mailbox: "Entwürfe", subject: "Bewerbung", people: []string{ann, house}, flags: draft,
		texts: []string{"Sehr geehrte Damen und Herren,\n\nhiermit bewerbe ich mich um die"}},
	{mailbox: "Entwürfe", subject: "", people: []string{ann, emi}, flags: draft, texts: []string{"(to be continued)"}},
	{mailbox: "Lists/go-nuts", subject: "ranging over a function, twice", people: []string{ben, list, dmi, list, chloe, list}, flags: seen,
		texts: []string{
			"Is an iter.Seq meant to be ranged over more than once? The documentation says it depends.",
			"> it depends\n\nIt does: say so in the doc comment of whatever returns it.",
			"+1. And yield must not be called again once it has said false.",
			"What about one that reads from a connection?",
			"Then it is single-use, and that belongs into the first sentence.",
			"Thanks, all. I sent a change.",
		}},
	{mailbox: "Lists/go-nuts", subject: "fsync of a directory on darwin", people: []string{chloe, list, ben, list},
		texts: []string{"Does os.File.Sync on a directory do anything there?", "It does not fail. Whether it helps is another matter.", "So measure.", "I did; see the gist of it below.\n\n\tbefore\tafter\n\t3.1 ms\t3.3 ms\n"}},
	{mailbox: "Lists/imap", subject: "UIDVALIDITY after a restore", people: []string{dmi, list, ann, list}, flags: seen,
		texts: []string{"Our server came back from a backup with the old UIDVALIDITY. Clients now miss mail.", "Then it must be changed by hand: RFC 9051, section 2.3.1.1.", "We did. Everything was fetched again, but nothing was lost."}},
	{mailbox: "Projects/2026/Haus", subject: "Heizung: Wartung am 12.", people: []string{house, ann}, flags: flagged, file: "Aushang.pdf", octets: 30_000,
		texts: []string{"Bitte gewähren Sie am 12. zwischen 8 und 10 Uhr Zutritt."}},
	{mailbox: "Projects/2026/Haus", subject: "Re: Fenster im Treppenhaus", people: []string{house, ann}, flags: seen,
		texts: []string{"Der Glaser kommt am Montag.", "Der Glaser war da; die Rechnung folgt.", "Anbei die Rechnung, wie besprochen."}},
	{mailbox: "Архив/2024", subject: "Отчёт за март", people: []string{dmi, ann}, flags: seen, file: "отчёт.csv", octets: 12_000,
		texts: []string{"Отчёт во вложении. Вопросы — сюда же.", "Исправленная версия."}},
	{mailbox: "Архив/2024", subject: "Weekly digest", people: []string{shop, ann}, flags: seen, html: true,
		texts: []string{"New this week: a history of the postcard.", "New this week: maps of rivers that moved.", "New this week: letters nobody answered."}},
	{mailbox: "旅行", subject: "京都の宿", people: []string{emi, ann}, flags: seen,
		texts: []string{"鴨川の近くの宿を予約しました。", "地図を送ります。駅から歩いて十分です。"}},
}

// demoMail writes the messages of the demo. The same call gives the same mail.
func demoMail() (list []demoMessage) {
	date := time.Date(2024, time.March, 4, 8, 15, 0, 0, time.FixedZone("", 3600))
	for _, t := range demoThreads {
		for i, text := range t.texts {
			date = date.Add(time.Duration(len(list)*7+5)*time.Hour + 1234*time.Second)
			list = append(list, t.message(i, text, date, len(list)+1))
		}
	}
	return list
}

// message writes message i of the thread.
func (t demoThread) message(i int, text string, date time.Time, number int) demoMessage {
	from, to := t.people[(i*2)%len(t.people)], t.people[len(t.people)-1]
	subject := t.subject
	if i > 0 {
		subject = "Re: " + subject
	}
	_, host, _ := strings.Cut(strings.TrimSuffix(from, ">"), "@")
	var b bytes.Buffer
	header := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	header("Received", fmt.Sprintf("from mail.%s by mx.example.org with ESMTPS id demo%04d;\r\n\t%s", host, number, date.Format(time.RFC1123Z)))
	header("Date", date.Format(time.RFC1123Z))
	header("From", address(from))
	header("To", address(to))
	header("Subject", mime.QEncoding.Encode("utf-8", subject))
	header("Message-ID", fmt.Sprintf("<demo-%04d@%s>", number, host))
	header("MIME-Version", "1.0")
	if t.file == "" && !t.html {
		writeText(&b, "text/plain", text)
	} else {
		t.multipart(&b, text, number)
	}
	return demoMessage{mailbox: t.mailbox, flags: t.flags, date: date, body: b.Bytes()}
}

// address encodes the name before an address.
func address(person string) string {
	name, rest, _ := strings.Cut(person, " <")
	return mime.QEncoding.Encode("utf-8", name) + " <" + rest
}

func (t demoThread) multipart(b *bytes.Buffer, text string, number int) {
	boundary := fmt.Sprintf("=_demo_%04d", number)
	fmt.Fprintf(b, "Content-Type: multipart/mixed; boundary=%q\r\n\r\n--%s\r\n", boundary, boundary)
	writeText(b, "text/plain", text)
	if t.html {
		fmt.Fprintf(b, "--%s\r\n", boundary)
		writeText(b, "text/html", "<p>"+strings.ReplaceAll(text, "\n", "<br>\n")+"</p>\n")
	}
	if t.file != "" {
		fmt.Fprintf(b, "--%s\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment;\r\n filename=%q\r\nContent-Transfer-Encoding: base64\r\n\r\n",
			boundary, mime.BEncoding.Encode("utf-8", t.file))
		writeBase64(b, noise(t.octets, uint32(number)))
	}
	fmt.Fprintf(b, "--%s--\r\n", boundary)
}

// writeText writes the header fields and body of a text part.
func writeText(b *bytes.Buffer, kind, text string) {
	fmt.Fprintf(b, "Content-Type: %s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", kind)
	w := quotedprintable.NewWriter(b)
	// A bytes.Buffer takes everything.
	_, _ = w.Write([]byte(strings.ReplaceAll(text, "\n", "\r\n") + "\r\n"))
	_ = w.Close()
}

func writeBase64(b *bytes.Buffer, data []byte) {
	text := base64.StdEncoding.EncodeToString(data)
	for len(text) > 76 {
		b.WriteString(text[:76] + "\r\n")
		text = text[76:]
	}
	b.WriteString(text + "\r\n")
}

// noise makes up the octets of an attachment (xorshift).
func noise(n int, seed uint32) []byte {
	data := make([]byte, n)
	x := seed*2654435761 + 1
	for i := range data {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		data[i] = byte(x)
	}
	return data
}

// demoArrival is the mail that comes while the demo runs.
func demoArrival(mailbox, subject, text string, number int) demoMessage {
	t := demoThread{mailbox: mailbox, subject: subject, people: []string{ben, ann}}
	date := time.Date(2026, time.May, 2, 17, number, 0, 0, time.FixedZone("", 7200))
	return t.message(0, text, date, number)
}
