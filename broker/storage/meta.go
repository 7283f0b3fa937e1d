package storage

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// MetaPropertiesFile is the name of the file that says whose a directory of logs is.
const MetaPropertiesFile = "meta.properties"

// MetaProperties say whose a directory of logs is (KIP-631, KIP-858): meta.properties, of
// version 1.
type MetaProperties struct {
	ClusterID   string
	NodeID      int32
	DirectoryID [16]byte // of this directory alone
}

// FormatMetaProperties is a meta.properties file.
func FormatMetaProperties(m MetaProperties) []byte {
	return fmt.Appendf(nil, "version=1\ncluster.id=%s\nnode.id=%d\ndirectory.id=%s\n", m.ClusterID, m.NodeID, base64.RawURLEncoding.EncodeToString(m.DirectoryID[:]))
}

// ParseMetaProperties reads a meta.properties file; what it says beside is passed over. The
// error names the line.
func ParseMetaProperties(b []byte) (m MetaProperties, err error) {
	seen := map[string]string{}
	at := map[string]int{}
	for i, line := range strings.Split(string(b), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == '!' {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if key = strings.TrimSpace(key); !ok || at[key] != 0 {
			return m, fmt.Errorf("line %d: %.40q", i+1, line)
		}
		seen[key], at[key] = strings.TrimSpace(value), i+1
	}
	if v := seen["version"]; v != "1" {
		return m, fmt.Errorf("line %d: version %.20q, not 1", max(at["version"], 1), v)
	}
	if m.ClusterID = seen["cluster.id"]; m.ClusterID == "" {
		return m, fmt.Errorf("line %d: no cluster.id", max(at["cluster.id"], 1))
	}
	id, err := strconv.ParseUint(seen["node.id"], 10, 31)
	if err != nil {
		return m, fmt.Errorf("line %d: node.id %.20q", max(at["node.id"], 1), seen["node.id"])
	}
	dir, err := base64.RawURLEncoding.DecodeString(seen["directory.id"])
	if err != nil || len(dir) != len(m.DirectoryID) {
		return m, fmt.Errorf("line %d: directory.id %.40q", max(at["directory.id"], 1), seen["directory.id"])
	}
	m.NodeID, m.DirectoryID = int32(id), [16]byte(dir)
	return m, nil
}
