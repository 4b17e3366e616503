package cli

// Help.

const aboutProgram = "keeps two mail repositories alike, IMAP or Maildir"

var aboutCommand = map[string]string{
	"sync":         "carry changes both ways; no PAIR means all",
	"plan":         "show what sync would do, and do nothing (sync --dry-run)",
	"copy":         "copy all mail of FAR that NEAR lacks, and report; URLs such as imaps://ann@imap.example.org or maildir:~/Mail",
	"status":       "last run, what waits or was left out, where the state lies; no network",
	"mailboxes":    "list a repository's mailboxes, and change nothing",
	"config check": "read the configuration and show it as understood; no network",
	"demo":         "show a whole life on an in-process server, in DIR or a temporary directory",
	"version":      "print the version",
}

var aboutFlag = map[string]string{
	"config":                "configuration `FILE` (else $MAILTWIN_CONFIG, else ~/.config/mailtwin/config.toml)",
	"json":                  "one JSON object a line on stdout, the last is the summary",
	"quiet":                 "say nothing but what went wrong",
	"verbose":               "one line for each action, and a line when there was nothing to do",
	"trace":                 "append what goes over the wire to `FILE`, without passwords",
	"dry-run":               "plan, and change nothing",
	"full":                  "compare everything, whatever could be saved, and try though a server asked for a pause",
	"far-password-command":  "copy: the `COMMAND` that prints FAR's password, split as a shell does and run without one (else it is asked for)",
	"near-password-command": "copy: the `COMMAND` for NEAR's password",
	"report":                "copy: write the report as a page to `FILE` (else beside the state)",
	"confirm":               "allow exactly what a stop withheld; it shows the `TOKEN`",
}

const helpProgram = `mailtwin {{.Usage}}

usage: mailtwin [flags] command [arguments]; flags may also stand behind the command

commands:
{{- range .VisibleCommands}}{{if .Subcommands}}{{$first := .Name}}{{range .Subcommands}}{{if ne .Name "help"}}
  {{printf "%-18s" (printf "%s %s" $first .Name)}} {{.Usage}}{{end}}{{end}}{{else}}
  {{printf "%-18s" (printf "%s %s" .Name .ArgsUsage)}} {{.Usage}}{{end}}{{end}}

flags:
{{- range .VisibleFlags}}
  {{.}}{{end}}

exit codes:
  0  done
  1  failed: sign-in, certificate, …
  2  command line or configuration
  3  done, but some messages or mailboxes were left out; each is named
  4  stopped before removing too much; a person must decide
  5  another run is at work
  75 temporary: network, throttled, interrupted; run it again

Under cron a run that changes nothing and goes well prints nothing; --quiet
prints nothing but what went wrong. Nothing is ever asked, but copy asks for
passwords on a terminal.
`

const helpCommand = `usage: {{.HelpName}}{{range .Subcommands}} {{.Name}}{{end}}{{with .ArgsUsage}} {{.}}{{end}}

{{.Usage}}

flags and exit codes: mailtwin --help
`
