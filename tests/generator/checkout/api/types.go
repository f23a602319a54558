package api

import (
	"encoding/json"
	"time"

	"example.org/notes/types/model"
)

// Note is what somebody wrote down.
type Note struct {
	Title     string         `json:"title"`
	Class     string         `json:"class"`
	Words     []string       `json:"words,omitempty"`
	WrittenAt time.Time      `json:"writtenAt,omitzero"`
	Vector    []float32      `json:"vector"`
	Picture   []byte         `json:"-"`
	Author    *Author        `json:"author,omitempty"` // who wrote it
	Children  []*Note        `json:"children"`
	Extra     map[string]any `json:"content-type"`
	secret    string
}

type Author struct {
	Name string `json:"name"`
}

type Failure struct {
	Error string `json:"error"`
}

type Common struct {
	// Hint is what helps,
	// if anything does.
	Hint   string        `json:"hint"`
	Wait   *Patience     `json:"wait,omitempty"`
	Places []model.Place `json:"places,omitempty"`
}

type WriteRequest struct {
	Common
	Subject string         `json:"subject"`
	Parts   [][]any        `json:"parts"`
	Options map[string]any `json:"options"`
	Stop    Stop           `json:"stop"`
	Format  json.RawMessage
	Stream  *bool `json:"stream,omitempty"`
}

type WriteReply struct {
	Text string `json:"text,omitempty"`
	Done string `json:"done"`
	Mood Mood   `json:"mood"`
	Runs struct {
		Count int `json:"count"`
	} `json:"runs"`
}

// Patience is written as a number or as text.
type Patience struct {
	time.Duration
}

func (p Patience) MarshalJSON() ([]byte, error) { return nil, nil }

type Stop []string

type Mood string

const (
	Glad Mood = "glad"
	Sad       = Mood("sad")
)

type Options struct {
	Speed int `json:"speed"`
}

type RenameRequest struct {
	Model string `json:"model"`
	// Name is the new one.
	Name  string      `json:"name"`
	Force bool        `json:"force,omitempty"`
	Place model.Place `json:"place,omitempty"`
}

type RenameReply struct {
	Name  string `json:"name"`
	Notes []Note `json:"notes,omitempty"`
}
