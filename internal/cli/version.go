package cli

import (
	"context"
	"runtime"
	"runtime/debug"

	"mailtwin/mirror"
)

type jsonVersion struct {
	Type    string `json:"type"`
	Version string `json:"version"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func (p *program) version(context.Context, []string) int {
	v := jsonVersion{"version", moduleVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH}
	p.result(versionLine(v))
	p.object(v)
	p.object(jsonSummary{Type: "summary", Exit: mirror.ExitDone})
	return mirror.ExitDone
}

// moduleVersion is the version that the binary was built from.
func moduleVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return unknownVersion
	}
	return info.Main.Version
}
