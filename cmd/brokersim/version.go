package main

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"sync"
)

// version is what the build says of itself.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v, revision, dirty := info.Main.Version, "", ""
	if v == "" {
		v = "(devel)"
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 12 && !strings.Contains(v, s.Value[:12]):
			revision = " " + s.Value[:12]
		case s.Key == "vcs.modified" && s.Value == "true" && !strings.Contains(v, "dirty"):
			dirty = " with changes"
		}
	}
	return v + revision + dirty + " " + info.GoVersion
}

// build is a version that no program of another source has: where the build does not
// say what it is made of, it is told by its file.
var build = sync.OnceValue(func() string {
	if info, ok := debug.ReadBuildInfo(); ok && sourceKnown(info) {
		return version()
	}
	return version() + " build " + fileDigest()
})

// sourceKnown reports whether a build says all that it is made of: a published
// version, or a commit without changes.
func sourceKnown(info *debug.BuildInfo) bool {
	settings := make(map[string]string)
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if settings["vcs.revision"] != "" {
		return settings["vcs.modified"] == "false"
	}
	v := info.Main.Version
	return v != "" && v != "(devel)" && !strings.Contains(v, "dirty")
}

// fileDigest is that of this program's file; "unknown" if it cannot be read.
func fileDigest() string {
	path, err := os.Executable()
	if err != nil {
		return "unknown"
	}
	f, err := os.Open(path)
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "unknown"
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
}
