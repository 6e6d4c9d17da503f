// The oracle of tests/context.rs: answers by the libraries that BuildKit's client uses. One JSON
// question a line on stdin, one JSON answer a line on stdout.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"
)

type question struct {
	// One of ignore, match, walk.
	Ask      string
	Content  []byte
	Patterns []string
	Paths    []string
	Root     string
	Include  []string
	Exclude  []string
	Follow   []string
}

type entry struct {
	Path   string            `json:"path"`
	Mode   uint32            `json:"mode"`
	Size   int64             `json:"size"`
	Mtime  int64             `json:"mtime"`
	Link   string            `json:"link"`
	Major  int64             `json:"major"`
	Minor  int64             `json:"minor"`
	Uid    uint32            `json:"uid"`
	Gid    uint32            `json:"gid"`
	Xattrs map[string][]byte `json:"xattrs"`
}

type answer struct {
	Error string `json:"error"`
	// The patterns of an ignore file.
	Lines []string `json:"lines"`
	// For each path: yes, no, error.
	Matches []string `json:"matches"`
	Entries []entry  `json:"entries"`
}

func main() {
	in := json.NewDecoder(bufio.NewReader(os.Stdin))
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for {
		var q question
		if in.Decode(&q) != nil {
			return
		}
		a, err := reply(q)
		if err != nil {
			a = answer{Error: err.Error()}
		}
		line, err := json.Marshal(a)
		if err != nil {
			panic(err)
		}
		out.Write(append(line, '\n'))
	}
}

func reply(q question) (answer, error) {
	switch q.Ask {
	case "ignore":
		lines, err := ignorefile.ReadAll(bytes.NewReader(q.Content))
		return answer{Lines: lines}, err
	case "match":
		return match(q)
	default:
		return walk(q)
	}
}

func match(q question) (answer, error) {
	matcher, err := patternmatcher.New(q.Patterns)
	if err != nil {
		return answer{}, err
	}
	var a answer
	for _, path := range q.Paths {
		matched, err := matcher.MatchesOrParentMatches(path)
		switch {
		case err != nil:
			a.Matches = append(a.Matches, "error")
		case matched:
			a.Matches = append(a.Matches, "yes")
		default:
			a.Matches = append(a.Matches, "no")
		}
	}
	return a, nil
}

func walk(q question) (answer, error) {
	var a answer
	opt := &fsutil.FilterOpt{IncludePatterns: q.Include, ExcludePatterns: q.Exclude, FollowPaths: q.Follow}
	err := fsutil.WalkDir(context.Background(), q.Root, opt, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		s := info.Sys().(*types.Stat)
		a.Entries = append(a.Entries, entry{
			Path: s.Path, Mode: s.Mode, Size: s.Size, Mtime: s.ModTime, Link: s.Linkname,
			Major: s.Devmajor, Minor: s.Devminor, Uid: s.Uid, Gid: s.Gid, Xattrs: s.Xattrs,
		})
		return nil
	})
	return a, err
}
