package spec

// layers keeps the decoded declaration, so that Settings can say where a value came from.
type layers struct{}
