package imapconn

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/emersion/go-imap/v2"
)

// statusLine is a Status with what its code held.
type statusLine struct {
	Status
	codeNum  uint64      // HIGHESTMODSEQ, UIDNEXT, UIDVALIDITY, first of APPENDUID and COPYUID
	source   imap.UIDSet // COPYUID; MODIFIED
	target   imap.UIDSet // COPYUID, APPENDUID
	flags    []imap.Flag // PERMANENTFLAGS
	caps     []imap.Cap  // CAPABILITY
	codeRead bool        // the code is one of these and was read
}

// status reads a status line from its type on.
func (s *scanner) status(odd func(string)) (st statusLine, ok bool) {
	word := s.token(endsAtom, "status")
	if st.Type = statusType(word); st.Type == "" {
		s.reject("status")
		return st, false
	}
	s.spaces()
	s.statusRest(&st, odd)
	return st, s.err == nil
}

// statusRest reads the code and the text behind the type.
func (s *scanner) statusRest(st *statusLine, odd func(string)) {
	if s.peek() == '[' && s.hasCodeEnd() {
		s.accept('[')
		s.code(st)
		if s.bad != "" || !s.accept(']') {
			s.bad = ""
			st.codeRead = false
			odd("code")
		}
		s.spaces()
	}
	st.Text = string(s.text())
}

// hasCodeEnd looks ahead for the "]": a text may begin with "[" too. A code as
// long as the buffer (COPYUID) is taken to have one.
func (s *scanner) hasCodeEnd() bool {
	for i := 0; i < len(s.buf)-1; i++ {
		b, ok := s.at(i)
		if !ok || b == '\n' {
			return false
		}
		if b == ']' {
			return true
		}
	}
	return true
}

func statusType(word []byte) imap.StatusResponseType {
	switch upper(word) {
	case "OK":
		return imap.StatusResponseTypeOK
	case "NO":
		return imap.StatusResponseTypeNo
	case "BAD":
		return imap.StatusResponseTypeBad
	case "BYE":
		return imap.StatusResponseTypeBye
	case "PREAUTH":
		return imap.StatusResponseTypePreAuth
	}
	return ""
}

func upper(word []byte) string { return strings.ToUpper(string(word)) }

// code reads a response code up to its "]".
func (s *scanner) code(st *statusLine) {
	st.Code = imap.ResponseCode(upper(s.token(endsCode, "code")))
	s.spaces()
	st.codeRead = true
	switch st.Code {
	case "HIGHESTMODSEQ":
		st.codeNum = s.number63()
		st.CodeArgs = strconv.FormatUint(st.codeNum, 10)
	case "UIDNEXT", "UIDVALIDITY", "UNSEEN":
		st.codeNum = uint64(s.number32())
		st.CodeArgs = strconv.FormatUint(st.codeNum, 10)
	case "APPENDUID":
		s.codeSets(st, nil, &st.target)
	case "COPYUID":
		s.codeSets(st, &st.source, &st.target)
	case "MODIFIED":
		var b setBuilder
		s.uidSet(&b)
		st.source = b.set()
		st.CodeArgs = string(appendSet(nil, st.source))
	case "PERMANENTFLAGS":
		st.flags, _ = s.flagList(nil)
	case "CAPABILITY":
		st.caps = s.caps()
	case "MAILBOXID":
		s.mailboxID(st)
	default:
		st.CodeArgs = string(s.codeArgs())
	}
	s.spaces()
}

// codeSets reads "uidvalidity [source] target" (RFC 4315 §3).
func (s *scanner) codeSets(st *statusLine, sets ...*imap.UIDSet) {
	st.codeNum = uint64(s.number32())
	args := strconv.AppendUint(nil, st.codeNum, 10)
	for _, set := range sets {
		if set == nil {
			continue
		}
		var b setBuilder
		s.expect(' ', "code")
		s.spaces()
		s.uidSet(&b)
		*set = b.ranges
		args = appendSet(append(args, ' '), b.ranges)
	}
	if s.peek() != ']' && s.peek() != ' ' {
		s.reject("code")
	}
	if !s.ok() {
		st.source, st.target = nil, nil
		return
	}
	st.CodeArgs = string(args)
}

func (s *scanner) mailboxID(st *statusLine) {
	s.expect('(', "code")
	st.CodeArgs = string(s.token(endsWord, "code"))
	s.expect(')', "code")
}

// codeArgs takes the arguments of any other code, verbatim.
func (s *scanner) codeArgs() []byte {
	quoted := false
	for i := 0; ; i++ {
		b, ok := s.at(i)
		switch {
		case !ok:
			return nil
		case b == '\r' || b == '\n':
			s.reject("code")
			return nil
		case b == '\\' && quoted:
			i++
		case b == '"':
			quoted = !quoted
		case b == ']' && !quoted:
			args := s.buf[s.r : s.r+i]
			s.r += i
			return bytes.TrimRight(args, " ")
		}
	}
}

// caps reads capability words up to "]" or the line's end.
func (s *scanner) caps() []imap.Cap {
	var list []imap.Cap
	for s.ok() && s.peek() != ']' && !s.atLineEnd() {
		list = append(list, imap.Cap(s.token(endsWord, "capability")))
		s.spaces()
	}
	return list
}

// flagList reads "(…)" into flags. tooMany says that the rest was dropped.
// Some servers quote keywords that are no atoms (WildDuck), or say NIL.
func (s *scanner) flagList(flags []imap.Flag) (list []imap.Flag, tooMany bool) {
	if s.nilToken() {
		return flags, false
	}
	s.expect('(', "flag list")
	for s.spaces(); s.ok() && s.peek() != ')'; s.spaces() {
		word := s.flagWord()
		if len(flags) >= s.limits.Flags {
			tooMany = true
			continue
		}
		if s.ok() {
			flags = append(flags, s.flags.flag(word))
		}
	}
	s.expect(')', "flag list")
	return flags, tooMany
}

func (s *scanner) flagWord() []byte {
	if s.peek() == '"' || s.startsLiteral() {
		return s.str()
	}
	return s.token(endsAtom, "flag")
}

// interned keeps one string a flag. It is bounded: a server with endless
// keywords costs garbage, not memory.
type interned map[string]imap.Flag

func (in *interned) flag(word []byte) imap.Flag {
	if f, ok := (*in)[string(word)]; ok {
		return f
	}
	f := imap.Flag(word)
	if *in == nil || len(*in) >= 4096 {
		*in = make(interned)
	}
	(*in)[string(f)] = f
	return f
}
