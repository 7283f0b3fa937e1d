package lesson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"

	"brokersim/sim/scenario"
)

// Stored is what was measured of all lessons, by id and trial, and of which core of the
// simulator: its file is measured.json.
type Stored struct {
	Core    int                            `json:"core"`
	Lessons map[string]map[string]Measured `json:"lessons"`
}

func readStored() (*Stored, error) {
	s := &Stored{}
	src, err := files.ReadFile("lessons/measured.json")
	if err == nil {
		err = json.Unmarshal(src, s)
	}
	if err != nil {
		return nil, fmt.Errorf("measured.json: %w", err)
	}
	return s, nil
}

// NewStored is what the program comes with, changed by what was measured now.
func NewStored(now map[string]map[string]Measured) (*Stored, error) {
	s, err := readStored()
	if err != nil {
		return nil, err
	}
	if s.Lessons == nil {
		s.Lessons = make(map[string]map[string]Measured)
	}
	maps.Copy(s.Lessons, now)
	s.Core = scenario.Core
	return s, nil
}

// JSON is the file, with its keys in order.
func (s *Stored) JSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", " ")
	err := e.Encode(s)
	return b.Bytes(), err
}
