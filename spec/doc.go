// Package spec is the desired tree: which containers shall exist on which host, and how.
//
// Parse reads every YAML document below the root of a file system, merges them, completes each
// container with the defaults that apply to it and validates the whole. It promises that a tree
// it returns is complete and free of contradictions, and that otherwise it names every problem at
// once with file, line and path. It never touches a host, never reads outside the given file
// system, and never takes an unreadable or empty tree for an empty declaration.
//
// A tree can be read without the keys of what is encrypted in it. Only secrets may be encrypted:
// everything else, and whether there is a secret, is known without a key. Clear texts of secrets
// are in values of type Secret alone, and in no problem, warning or setting.
//
// Precedence of a value: container, its profile, defaults of its host, defaults of the tree,
// built in.
package spec
