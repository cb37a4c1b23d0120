//go:build pinned

// Package ferretdb only names what go.mod pins: the program that speaks MongoDB's protocol in the local cluster.
package ferretdb

import _ "github.com/FerretDB/FerretDB/cmd/ferretdb"
