package spec

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

const (
	maxSize     = 1 << 50 // bytes; more is a typing mistake
	minMemory   = 4 << 20
	minRootSize = 1 << 20
	sizeUnits   = "KMGTP" // each 1024 times the one before
)

var errSize = errors.New(`is not a size`)

// parseSize reads bytes, or a whole number with one of the units k, m, g, t, p in either case,
// followed by nothing, b or ib. Units are powers of 1024, as LXC and LVM read them.
func parseSize(s string) (int64, error) {
	digits := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
	unit := strings.ToUpper(strings.TrimSpace(s[len(digits):]))
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil {
		return 0, errSize
	}
	factor := uint64(1)
	if unit != "" && unit != "B" {
		i := strings.Index(sizeUnits, unit[:1])
		if rest := unit[1:]; i < 0 || rest != "" && rest != "B" && rest != "IB" {
			return 0, errSize
		}
		factor = 1 << (10 * (i + 1))
	}
	if n > math.MaxInt64/factor || n*factor > maxSize {
		return 0, errors.New("is more than 1P")
	}
	return int64(n * factor), nil
}

// sizeText is a size as people write it, empty for none.
func sizeText(n int64) string {
	if n == 0 {
		return ""
	}
	unit := 0
	for unit < len(sizeUnits) && n%1024 == 0 {
		n /= 1024
		unit++
	}
	if unit == 0 {
		return strconv.FormatInt(n, 10)
	}
	return strconv.FormatInt(n, 10) + sizeUnits[unit-1:unit]
}
