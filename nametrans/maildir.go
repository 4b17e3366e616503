package nametrans

import (
	"fmt"
	"strconv"
	"strings"
)

// maxFileName is the longest file name of the usual file systems, in octets.
const maxFileName = 255

// Nested is the Codec of a Maildir tree in the nested layout: the directory of
// a mailbox, relative to the root and with "/" between components, such as
// "INBOX" or "Lists/go-nuts".
//
// Components are written in UTF-8, verbatim but for "%", "/", a leading "."
// and a whole "cur", "new" or "tmp", whose first octet becomes "%XX" (two
// upper-case hexadecimal digits). Only these are escaped, and only these may be.
type Nested struct {
	// UTF7 keeps components in modified UTF-7, as other tools do. The escapes
	// above are applied to that.
	UTF7 bool
}

// Encode returns the directory of n below the root.
func (c Nested) Encode(n Name) (string, error) { return encode(c, n) }

// Decode returns the Name of the mailbox in directory raw below the root.
func (c Nested) Decode(raw string) (Name, error) { return decode(c, raw) }

func (c Nested) write(components []string) (string, Reason) {
	spelled := make([]string, len(components))
	for i, component := range components {
		if c.UTF7 {
			component = encodeUTF7(component)
		}
		spelled[i] = escapeComponent(component)
		if len(spelled[i]) > maxFileName {
			return "", ReasonTooLong
		}
	}
	return strings.Join(spelled, "/"), ""
}

func (c Nested) read(raw string) ([]string, Reason) {
	components := strings.Split(raw, "/")
	for i, component := range components {
		text, ok := unescapeComponent(component)
		if !ok || escapeComponent(text) != component {
			return nil, ReasonEscape
		}
		if components[i] = text; !c.UTF7 {
			continue
		}
		if components[i], ok = decodeUTF7(text); !ok {
			return nil, ReasonNotUTF7
		}
	}
	return components, ""
}

// escapeComponent turns one component into one file name that is not hidden
// and not a directory of the Maildir format itself.
func escapeComponent(component string) string {
	var out strings.Builder
	for i := range len(component) {
		b := component[i]
		switch {
		case b == '%', b == '/', i == 0 && (b == '.' || isMaildirDir(component)):
			fmt.Fprintf(&out, "%%%02X", b)
		default:
			out.WriteByte(b)
		}
	}
	return out.String()
}

// unescapeComponent undoes every "%XX"; it is false where a "%" begins none.
func unescapeComponent(file string) (string, bool) {
	var out strings.Builder
	for {
		literal, escaped, found := strings.Cut(file, "%")
		out.WriteString(literal)
		if !found {
			return out.String(), true
		}
		if len(escaped) < 2 {
			return "", false
		}
		b, err := strconv.ParseUint(escaped[:2], 16, 8)
		if err != nil {
			return "", false
		}
		out.WriteByte(byte(b))
		file = escaped[2:]
	}
}

func isMaildirDir(name string) bool {
	return name == "cur" || name == "new" || name == "tmp"
}

// MaildirPP is the Codec of a Maildir++ tree: the directory of a mailbox below
// the root, "." for INBOX, which is the root itself, and such as
// ".Lists.go-nuts" for the others. A component that holds a "." or a "/" has
// no place there and is refused.
type MaildirPP struct {
	// UTF8 keeps components in UTF-8. Otherwise they are in modified UTF-7, as
	// Dovecot and Courier keep them.
	UTF8 bool
}

// Encode returns the directory of n below the root.
func (c MaildirPP) Encode(n Name) (string, error) { return encode(c, n) }

// Decode returns the Name of the mailbox in directory raw below the root.
func (c MaildirPP) Decode(raw string) (Name, error) { return decode(c, raw) }

func (c MaildirPP) write(components []string) (string, Reason) {
	if len(components) == 1 && components[0] == string(Inbox) {
		return ".", ""
	}
	var out strings.Builder
	for _, component := range components {
		if strings.Contains(component, ".") {
			return "", ReasonDelimiter
		}
		if strings.Contains(component, "/") {
			return "", ReasonSlash
		}
		if !c.UTF8 {
			component = encodeUTF7(component)
		}
		out.WriteString("." + component)
	}
	if out.Len() > maxFileName {
		return "", ReasonTooLong
	}
	return out.String(), ""
}

func (c MaildirPP) read(raw string) ([]string, Reason) {
	if raw == "." {
		return []string{string(Inbox)}, ""
	}
	rest, ok := strings.CutPrefix(raw, ".")
	if !ok {
		return nil, ReasonReserved
	}
	components := strings.Split(rest, ".")
	if len(components) == 1 && isInbox(components[0]) {
		return nil, ReasonShadowsInbox
	}
	for i, component := range components {
		if c.UTF8 {
			continue
		}
		if components[i], ok = decodeUTF7(component); !ok {
			return nil, ReasonNotUTF7
		}
	}
	return components, ""
}
