package nametrans

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// mailboxBase64 is the base64 of mailbox names: "," for "/", no padding
// (RFC 3501 §5.1.3).
var mailboxBase64 = base64.NewEncoding(
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,",
).WithPadding(base64.NoPadding)

// encodeUTF7 returns s, which is valid UTF-8, in modified UTF-7 (RFC 3501
// §5.1.3): printable ASCII as it is, "&" as "&-", and each longest run of
// anything else as "&", the base64 of its UTF-16BE, and "-".
func encodeUTF7(s string) string {
	var out strings.Builder
	for len(s) > 0 {
		if printable(s[0]) {
			out.WriteByte(s[0])
			if s[0] == '&' {
				out.WriteByte('-')
			}
			s = s[1:]
			continue
		}
		end := strings.IndexFunc(s, func(r rune) bool { return r < utf8.RuneSelf && printable(byte(r)) })
		if end < 0 {
			end = len(s)
		}
		out.WriteString("&" + mailboxBase64.EncodeToString(utf16BE(s[:end])) + "-")
		s = s[end:]
	}
	return out.String()
}

// decodeUTF7 returns in UTF-8 what encodeUTF7 wrote as s. It is false for
// every other string: besides what is no base64 or no UTF-16, RFC 3501 §5.1.3
// forbids 8-bit characters, printable ASCII within base64, and a shift out of
// base64 that a shift back follows at once.
func decodeUTF7(s string) (string, bool) {
	var out strings.Builder
	for rest := s; rest != ""; {
		literal, shifted, found := strings.Cut(rest, "&")
		out.WriteString(literal)
		if !found {
			break
		}
		encoded, after, closed := strings.Cut(shifted, "-")
		if !closed {
			return "", false
		}
		text, ok := decodeShift(encoded)
		if !ok {
			return "", false
		}
		out.WriteString(text)
		rest = after
	}
	// Encoding gives each string one form only, so whatever else was taken
	// above (an 8-bit character, a lone surrogate, left-over bits, …) shows here.
	if encodeUTF7(out.String()) != s {
		return "", false
	}
	return out.String(), true
}

// decodeShift decodes what stands between "&" and "-".
func decodeShift(encoded string) (string, bool) {
	if encoded == "" {
		return "&", true
	}
	octets, err := mailboxBase64.DecodeString(encoded)
	if err != nil || len(octets)%2 != 0 {
		return "", false
	}
	units := make([]uint16, 0, len(octets)/2)
	for i := 0; i < len(octets); i += 2 {
		units = append(units, uint16(octets[i])<<8|uint16(octets[i+1]))
	}
	return string(utf16.Decode(units)), true
}

// LooksUTF7 reports whether s is modified UTF-7 that says more than its plain
// ASCII does, such as "Entw&APw-rfe": a sign that another tool named this
// directory, since hardly anyone would choose such a name.
func LooksUTF7(s string) bool {
	decoded, ok := decodeUTF7(s)
	return ok && strings.ContainsFunc(decoded, func(r rune) bool { return r >= utf8.RuneSelf })
}

func utf16BE(s string) []byte {
	var out []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		out = append(out, byte(unit>>8), byte(unit))
	}
	return out
}

func printable(c byte) bool { return 0x20 <= c && c <= 0x7e }
