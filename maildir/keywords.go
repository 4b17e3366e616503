package maildir

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"strconv"
	"strings"

	"github.com/emersion/go-imap/v2"

	"mailtwin/mirror"
)

const (
	keywordsFile = "dovecot-keywords"
	// keywordsTemp becomes keywordsFile; only the holder of keywordsLock
	// touches it.
	keywordsTemp = "dovecot-keywords.mailtwin"
	// keywordsLock is the lock under which Dovecot writes keywordsFile.
	keywordsLock = "dovecot-uidlist.lock"
)

// systemLetters are the flags that have a letter of their own. "Passed" is
// what IMAP calls $Forwarded.
var systemLetters = [...]struct {
	letter byte
	flag   imap.Flag
}{
	{'D', imap.FlagDraft},
	{'F', imap.FlagFlagged},
	{'P', imap.FlagForwarded},
	{'R', imap.FlagAnswered},
	{'S', imap.FlagSeen},
	{'T', imap.FlagDeleted},
}

// keywords is a mailbox's dovecot-keywords: lines "0 Name", where 0 stands for
// the letter a. The zero value is a missing file.
type keywords struct {
	text  []byte
	names [26]imap.Flag // "" where the letter means nothing
	taken uint32        // bit i: letter 'a'+i stands in text, even if twice
}

// parseKeywords reads what it can; lines that mean nothing stay in text.
func parseKeywords(text []byte) keywords {
	k := keywords{text: text}
	for line := range bytes.Lines(text) {
		number, name, found := strings.Cut(strings.TrimRight(string(line), "\r\n"), " ")
		i, err := strconv.Atoi(number)
		if !found || err != nil || i < 0 || i >= len(k.names) {
			continue
		}
		k.taken |= 1 << i
		if k.names[i] == "" && storableKeyword(imap.Flag(name)) {
			k.names[i] = imap.Flag(name)
		}
	}
	return k
}

// storableKeyword reports whether a keyword can stand in dovecot-keywords.
func storableKeyword(flag imap.Flag) bool {
	return flag != "" && flag[0] != '\\' && !strings.ContainsFunc(string(flag), func(r rune) bool {
		return r <= ' ' || r == 0x7f
	})
}

// letter returns the letter of a flag, 0 where it has none.
func (k *keywords) letter(flag imap.Flag) byte {
	for _, s := range systemLetters {
		if strings.EqualFold(string(s.flag), string(flag)) {
			return s.letter
		}
	}
	for i, name := range k.names {
		if name != "" && strings.EqualFold(string(name), string(flag)) {
			return 'a' + byte(i)
		}
	}
	return 0
}

// flags returns what letters mean; unknown says that some lower-case letter
// means nothing, so that there are keywords whose names are not known.
func (k *keywords) flags(letters string) (flags mirror.Flags, unknown bool) {
	if letters == "" {
		return mirror.Flags{}, false
	}
	list := make([]imap.Flag, 0, len(letters))
	for i := range len(letters) {
		letter := letters[i]
		if letter >= 'a' && letter <= 'z' {
			name := k.names[letter-'a']
			unknown = unknown || name == ""
			list = append(list, name)
			continue
		}
		for _, s := range systemLetters {
			if s.letter == letter {
				list = append(list, s.flag)
			}
		}
	}
	return mirror.MakeFlags(list...), unknown
}

// letters returns the letters of those flags that have one.
func (k *keywords) letters(flags mirror.Flags) string {
	var out []byte
	for flag := range flags.All() {
		if letter := k.letter(flag); letter != 0 {
			out = append(out, letter)
		}
	}
	return string(out)
}

// lacks returns the storable flags that have no letter.
func (k *keywords) lacks(flags mirror.Flags) []imap.Flag {
	var list []imap.Flag
	for flag := range flags.All() {
		if k.letter(flag) == 0 && storableKeyword(flag) {
			list = append(list, flag)
		}
	}
	return list
}

// storable says what can be kept. used are the letters seen in file names: one
// that has no name in the file may have had one, and is not given away.
func (k *keywords) storable(used uint32) mirror.Storable {
	var list []imap.Flag
	for _, s := range systemLetters {
		list = append(list, s.flag)
	}
	for _, name := range k.names {
		list = append(list, name)
	}
	return mirror.Storable{Flags: mirror.MakeFlags(list...), Any: bits.OnesCount32(k.taken|used) < len(k.names)}
}

// extended returns k with letters for those of flags that still find one.
func (k keywords) extended(flags []imap.Flag, used uint32) keywords {
	text := bytes.Clone(k.text)
	for _, flag := range flags {
		i := bits.TrailingZeros32(^(k.taken | used))
		if i >= len(k.names) {
			break
		}
		if k.letter(flag) != 0 {
			continue
		}
		if len(text) > 0 && text[len(text)-1] != '\n' {
			text = append(text, '\n')
		}
		text = fmt.Appendf(text, "%d %s\n", i, flag)
		k.names[i] = flag
		k.taken |= 1 << i
	}
	k.text = text
	return k
}

// readKeywords reads the file of the mailbox in dir; a missing one is empty.
func readKeywords(dir *directory) (keywords, error) {
	text, err := dir.readFile(keywordsFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return keywords{}, fmt.Errorf("%w: read %s: %w", mirror.ErrDenied, keywordsFile, err)
	}
	return parseKeywords(text), nil
}

// addKeywords gives letters to flags, as far as there are any left, and
// returns the file as it is then. Nothing is changed after an error.
func (r *Repository) addKeywords(ctx context.Context, dir *directory, flags []imap.Flag, used uint32) (keywords, error) {
	lock, err := r.dotlock(ctx, dir, keywordsLock)
	if err != nil {
		return keywords{}, err
	}
	defer lock.release()
	if err := lock.mark(); err != nil {
		return keywords{}, fmt.Errorf("write %s: %w", keywordsLock, err)
	}
	now, err := readKeywords(dir) // somebody may have added some before we had the lock
	if err != nil {
		return keywords{}, err
	}
	next := now.extended(flags, used)
	if next.taken == now.taken {
		return now, r.disk.sync(dir) // whoever added them may not have
	}
	if err := r.disk.remove(dir, keywordsTemp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return keywords{}, err
	}
	if err := r.writeFile(dir, keywordsTemp, next.text); err != nil {
		return keywords{}, fmt.Errorf("write %s: %w", keywordsFile, err)
	}
	if err := r.disk.replace(dir, keywordsTemp, keywordsFile); err != nil {
		return keywords{}, err
	}
	return next, r.disk.sync(dir)
}
