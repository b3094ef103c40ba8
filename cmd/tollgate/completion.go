package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help says where the script goes.
func (completionCmd) Help() string {
	return `bash: source <(tollgate completion bash)

zsh: tollgate completion zsh > "${fpath[1]}/_tollgate"

fish: tollgate completion fish > ~/.config/fish/completions/tollgate.fish`
}

// Run writes a script that is complete in itself: it does not call the program at each key.
func (c completionCmd) Run(k *kong.Context, out *streams) error {
	var err error
	switch root := k.Model.Node; c.Shell {
	case "bash":
		at, after := cases(root)
		_, err = fmt.Fprintf(out.stdout, bashScript, at, after)
	case "zsh":
		at, after := cases(root)
		_, err = fmt.Fprintf(out.stdout, zshScript, at, after)
	case "fish":
		_, err = io.WriteString(out.stdout, fishScript(root))
	}
	return err
}

// commandsUnder are a command and all below it, hidden ones excepted.
func commandsUnder(n *kong.Node) []*kong.Node {
	all := []*kong.Node{n}
	for _, child := range subcommands(n) {
		all = append(all, commandsUnder(child)...)
	}
	return all
}

// subcommands are the commands right below one.
func subcommands(n *kong.Node) []*kong.Node {
	return slices.DeleteFunc(slices.Clone(n.Children), func(child *kong.Node) bool { return child.Hidden })
}

func names(nodes []*kong.Node) (all []string) {
	for _, n := range nodes {
		all = append(all, n.Name)
	}
	return all
}

// pathTo are a command's words behind the program's name.
func pathTo(n *kong.Node) []string {
	if n.Parent == nil {
		return nil
	}
	return append(pathTo(n.Parent), n.Name)
}

// following are the words that may stand behind a command: commands, flags, and what an argument must be one of.
func following(n *kong.Node) (words []string) {
	words = names(subcommands(n))
	for _, arg := range n.Positional {
		words = append(words, choices(arg)...)
	}
	for _, group := range n.AllFlags(true) {
		for _, f := range group {
			words = append(words, "--"+f.Name)
		}
	}
	return words
}

// valued are a command's flags that take a value, each with what it must be one of; with none it is free, a file's
// name for instance.
func valued(n *kong.Node) map[string][]string {
	flags := map[string][]string{}
	for _, group := range n.AllFlags(true) {
		for _, f := range group {
			if !f.IsBool() {
				flags["--"+f.Name] = choices(f.Value)
			}
		}
	}
	return flags
}

func choices(v *kong.Value) []string {
	if v.Enum == "" {
		return nil
	}
	return v.EnumSlice()
}

// cases writes the two case statements that bash and zsh read alike: at, which command one more word leads to, and
// after, what may follow the last one.
func cases(root *kong.Node) (at, after string) {
	var lead, values, words strings.Builder
	for _, n := range commandsUnder(root) {
		path := strings.Join(pathTo(n), " ")
		if n.Parent != nil {
			fmt.Fprintf(&lead, "      '%s %s') at='%s' ;;\n", strings.Join(pathTo(n.Parent), " "), n.Name, path)
		}
		flags := valued(n)
		for _, flag := range slices.Sorted(maps.Keys(flags)) {
			fmt.Fprintf(&values, "    '%s %s') next='%s' ;;\n", path, flag, strings.Join(flags[flag], " "))
		}
		fmt.Fprintf(&words, "      '%s') next='%s' ;;\n", path, strings.Join(following(n), " "))
	}
	return lead.String(), values.String() + "    *) case \"$at\" in\n" + words.String() + "    esac ;;\n"
}

// Where nothing fits, a file's name is completed.
const (
	bashScript = `# bash completion for tollgate
_tollgate() {
  local at='' next='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at ${COMP_WORDS[i]}" in
%s    esac
  done
  case "$at ${COMP_WORDS[COMP_CWORD-1]}" in
%s  esac
  COMPREPLY=($(compgen -W "$next" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _tollgate tollgate
`
	zshScript = `#compdef tollgate
_tollgate() {
  local at='' next='' i
  for ((i = 2; i < CURRENT; i++)); do
    case "$at ${words[i]}" in
%s    esac
  done
  case "$at ${words[CURRENT-1]}" in
%s  esac
  compadd -- ${=next} || _files
}
compdef _tollgate tollgate
`
)

// fishScript is a line for each command, flag and choice.
func fishScript(root *kong.Node) string {
	var b strings.Builder
	b.WriteString("# fish completion for tollgate\n")
	for _, n := range commandsUnder(root) {
		here := "true"
		for _, word := range pathTo(n) {
			here += "; and __fish_seen_subcommand_from " + word
		}
		line := func(condition, rest string) {
			fmt.Fprintf(&b, "complete -c tollgate -n %s %s\n", fishText(condition), rest)
		}
		for _, f := range n.Flags {
			line(here, "-l "+f.Name+fishValue(f)+" -d "+fishText(f.Help))
		}
		for _, arg := range n.Positional {
			if words := choices(arg); words != nil {
				line(here, "-f -a "+fishText(strings.Join(words, " ")))
			}
		}
		below := subcommands(n)
		for _, child := range below {
			line(here+"; and not __fish_seen_subcommand_from "+strings.Join(names(below), " "), "-f -a "+child.Name+" -d "+fishText(child.Help))
		}
	}
	return b.String()
}

// fishValue is how a flag takes a value: one of some words, or anything.
func fishValue(f *kong.Flag) string {
	switch words := choices(f.Value); {
	case f.IsBool():
		return ""
	case words != nil:
		return " -x -a " + fishText(strings.Join(words, " "))
	}
	return " -r"
}

func fishText(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
