package main

import (
	"encoding/json"
	"strings"

	"github.com/tollgate/tollgate/proxy/proxytest"
)

// world is one kind of load. They differ in what shares a write, a sync or a wake-up, so none stands for another.
type world struct {
	name        string
	connections int
	body        string
}

// worlds are shown all: SPEED depends on which one you live in.
func worlds() []world {
	return []world{
		{"JSON, saturated, 32 connections", 32, request(false, proxytest.Script{Chunks: 120})},
		{"JSON, modest: 10 ms provider, 24 connections", 24, request(false, proxytest.Script{Chunks: 120, DelayMS: 10})},
		{"JSON, one connection", 1, request(false, proxytest.Script{Chunks: 120})},
		{"stream, 64 chunks 2 ms apart, usage asked by the gateway", 12, request(true, proxytest.Script{Chunks: 64, Pace: 2})},
		{"stream, 64 chunks 2 ms apart, usage asked by the client", 12, askUsage(request(true, proxytest.Script{Chunks: 64, Pace: 2}))},
	}
}

// idle is a stream that says something and then nothing for as long as it is held.
func idle() string {
	wait := 2
	return request(true, proxytest.Script{StallAfter: &wait})
}

// short is a stream that is over soon, so that many can be looked at.
func short() string { return request(true, proxytest.Script{Chunks: 16, Pace: 10}) }

// huge is answered with 50 MB, as images are.
func huge() string { return request(false, proxytest.Script{Size: 50_000_000}) }

// request is a chat of about 1 KiB, as a chatbot sends it.
func request(stream bool, s proxytest.Script) string {
	type message struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	s.ID = "bench"
	body, err := json.Marshal(struct {
		Model     string           `json:"model"`
		Messages  []message        `json:"messages"`
		MaxTokens int              `json:"max_tokens"`
		Stream    bool             `json:"stream"`
		Proxytest proxytest.Script `json:"proxytest"`
	}{
		"gpt-4o-mini",
		[]message{
			{"system", "You are the support chatbot of a bicycle shop. " + strings.Repeat("Be brief, friendly and honest. ", 20)},
			{"user", "Hello, do you have touring bikes?"},
			{"assistant", "We do! How tall are you, and where would you like to go?"},
			{"user", strings.Repeat("I am 1.75 m tall and ride to Lisbon. ", 5)},
		},
		512, stream, s,
	})
	if err != nil {
		panic("BUG: " + err.Error()) // strings and numbers
	}
	return string(body)
}

// askUsage adds what a client adds that wants to know.
func askUsage(body string) string {
	return `{"stream_options":{"include_usage":true},` + body[1:]
}
