package cli

import (
	"fmt"
	"strings"

	"mailtwin/mirror"
)

func flagWords(a mirror.Action) string {
	var b strings.Builder
	for flag := range a.Add.All() {
		fmt.Fprintf(&b, " +%s", flag)
	}
	for flag := range a.Remove.All() {
		fmt.Fprintf(&b, " -%s", flag)
	}
	return b.String()
}

func withheld(text string) string { return "withheld: " + text }

func mailboxOf(side mirror.Side, name mirror.Name) string {
	return fmt.Sprintf("%s %q", side, name.String())
}

// place says where something failed; parts that are not known are left out.
func place(side mirror.Side, name mirror.Name, ref string) string {
	where := side.String()
	if name != "" {
		where += fmt.Sprintf(" mailbox %q", name.String())
	}
	if ref != "" {
		where += " " + ref
	}
	return where
}

func refWords(ref mirror.Ref) string {
	switch {
	case ref.Base != "":
		return fmt.Sprintf("file %q", ref.Base)
	case ref.UID != 0:
		return fmt.Sprintf("UID %d", ref.UID)
	}
	return ""
}
