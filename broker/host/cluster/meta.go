package cluster

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"brokersim/broker/log"
	"brokersim/broker/storage"
)

// identify sees to it that a directory is that of a node, such as b1 or c101: its meta.properties say so, or it
// has none and is given one (Kafka's MetaPropertiesEnsemble). A directory of another node, or
// of another cluster, is refused: its logs would be taken for this one's.
func identify(dir, name string) error {
	number, err := strconv.ParseInt(name[1:], 10, 32)
	if err != nil {
		return err
	}
	id := int32(number)
	file := filepath.Join(dir, storage.MetaPropertiesFile)
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		m := storage.MetaProperties{ClusterID: log.ClusterID, NodeID: id}
		_, _ = rand.Read(m.DirectoryID[:])
		return writeWhole(file, storage.FormatMetaProperties(m))
	}
	if err != nil {
		return err
	}
	m, err := storage.ParseMetaProperties(b)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", file, err)
	case m.ClusterID != log.ClusterID:
		return fmt.Errorf("%s: cluster.id is %s, and this is cluster %s", file, m.ClusterID, log.ClusterID)
	case m.NodeID != id:
		return fmt.Errorf("%s: node.id is %d, and this is node %d", file, m.NodeID, id)
	}
	return nil
}

// writeWhole writes a file that is there as a whole or not at all, durably.
func writeWhole(file string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".tmp*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	d, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
