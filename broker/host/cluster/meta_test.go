package cluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"brokersim/broker/storage"
)

// A directory belongs to the node that has it first, and to no other.
func TestMetaProperties(t *testing.T) {
	dir := t.TempDir()
	if err := identify(dir, "b1"); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, storage.MetaPropertiesFile)
	was, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := identify(dir, "b1"); err != nil {
		t.Errorf("its own: %v", err)
	}
	if is, _ := os.ReadFile(file); string(is) != string(was) {
		t.Errorf("it was written again: %q", is)
	}
	for _, tt := range []struct{ name, text, want string }{
		{"b2", string(was), "node.id is 1, and this is node 2"},
		{"b1", strings.Replace(string(was), "cluster.id=A", "cluster.id=B", 1), "cluster.id is BAAA"},
		{"b1", strings.Replace(string(was), "version=1", "version=0", 1), "line 1: version \"0\", not 1"},
		{"b1", "version=1\ncluster.id=x\nnode.id=one\n", "line 3: node.id \"one\""},
		{"b1", "", "line 1: version"},
	} {
		if err := os.WriteFile(file, []byte(tt.text), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := identify(dir, tt.name); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s in %q: %v, want %s", tt.name, tt.text, err, tt.want)
		}
	}
}
