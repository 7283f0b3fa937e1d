package scenario

import "testing"

func load(t testing.TB, name string) *Spec {
	t.Helper()
	src, ok := Source(name)
	if !ok {
		t.Fatalf("there is no scenario %s", name)
	}
	spec, err := Parse(name+".yaml", src)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}
