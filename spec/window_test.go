package spec

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // so that the zones are the same on every machine

	"pgregory.net/rapid"
)

// window reads a window that is right.
func window(t interface{ Fatalf(string, ...any) }, text string) Window {
	w, err := ParseWindow(text)
	if err != nil {
		t.Fatalf("a good window is refused: %v", err)
	}
	return w
}

// moment reads a time such as 2026-03-29 01:30 +0100.
func moment(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04 -0700", text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestWindowsHaveOneText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"mon-fri 22:00-04:00 Europe/Berlin": "mon-fri 22:00-04:00 Europe/Berlin",
		"sat,sun 00:00-24:00":               "sat,sun 00:00-24:00",
		"daily 02:00-05:00":                 "daily 02:00-05:00",
		"daily 02:00-05:00 UTC":             "daily 02:00-05:00",
		"mon-sun 02:00-05:00":               "daily 02:00-05:00",
		"sun-sat 02:00-05:00":               "daily 02:00-05:00",
		"  Daily\t02:00-05:00 ":             "daily 02:00-05:00",
		"fri-mon 02:00-05:00":               "mon,fri-sun 02:00-05:00",
		"wed-wed 02:00-05:00":               "wed 02:00-05:00",
		"thu,wed-thu,tue 02:00-05:00":       "tue-thu 02:00-05:00",
		"mon,wed,fri 23:59-00:01":           "mon,wed,fri 23:59-00:01",
		"mon 22:00-00:00":                   "mon 22:00-24:00",
		"mon 00:01-00:00":                   "mon 00:01-24:00",
		"mon 01:00-02:00 Asia/Kathmandu":    "mon 01:00-02:00 Asia/Kathmandu",
	} {
		if got := window(t, text).String(); got != want {
			t.Errorf("%q comes out as %q, want %q", text, got, want)
		}
	}
}

func TestBadWindowsSayWhatToWrite(t *testing.T) {
	t.Parallel()
	for wrong, texts := range map[string][]string{
		"is not a window": {"", " ", "daily", "22:00-04:00", "daily 02:00 - 05:00", "sat",
			"mon 01:00-02:00 Europe/Berlin now"},
		"does not begin with days": {"monday 01:00-02:00", "mo 01:00-02:00", "mon- 01:00-02:00",
			"mon, 01:00-02:00", "sat, sun",
			"mon-tue-wed 01:00-02:00", "daily,mon 01:00-02:00", "- 01:00-02:00"},
		"has no times": {"mon 1:00-2:00", "mon 01:00", "mon 01:00-", "mon 24:00-01:00", "mon 01:00-24:01",
			"mon 01:60-02:00", "mon 01.00-02.00", "mon -1:00-02:00", "mon 01:00-02:00-03:00",
			"mon +1:00-02:00",
			"mon 01:00-02:0x", "mon 25:00-26:00"},
		"ends when it begins": {"mon 01:00-01:00", "daily 00:00-00:00"},
		"has an unknown time zone": {"mon 01:00-02:00 Europe", "mon 01:00-02:00 CEST2",
			"mon 01:00-02:00 +01:00",
			"mon 01:00-02:00 Local", "mon 01:00-02:00 localtime", "mon 01:00-02:00 ../../etc/passwd",
			"mon 01:00-02:00 /etc/localtime", "mon 01:00-02:00 Europe/Berlin\x00"},
	} {
		for _, text := range texts {
			if _, err := ParseWindow(text); err == nil || !strings.Contains(err.Error(), wrong) {
				t.Errorf("%q is read with %v; the error should say that it %s", text, err, wrong)
			}
			w, got, hint := parseWindow(text)
			if !strings.HasPrefix(got, wrong) || !strings.Contains(hint, "write") {
				t.Errorf("%q is %v: told %q and %q, want %q", text, w, got, hint, wrong)
			}
		}
	}
}

func TestWhenAWindowIsOpen(t *testing.T) {
	t.Parallel()
	// 2026-06-01 is a Monday.
	for _, c := range []struct {
		window string
		open   string // times at which it is
		closed string // and is not
	}{
		{"daily 02:00-05:00", "2026-06-01 02:00 +0000, 2026-06-02 04:59 +0000, 2026-06-01 06:59 +0200",
			"2026-06-01 01:59 +0000, 2026-06-01 05:00 +0000, 2026-06-01 02:30 +0200"},
		{"mon-fri 22:00-04:00", "2026-06-01 22:00 +0000, 2026-06-02 03:59 +0000, 2026-06-06 03:00 +0000",
			"2026-06-01 03:00 +0000, 2026-06-02 04:00 +0000, 2026-06-06 22:00 +0000, " +
				"2026-06-08 03:00 +0000"},
		{"sun 22:00-04:00", "2026-06-07 23:00 +0000, 2026-06-08 03:59 +0000", "2026-06-07 03:00 +0000"},
		{"sat 22:00-04:00", "2026-06-07 03:59 +0000", "2026-06-06 03:00 +0000, 2026-06-08 03:00 +0000"},
		{"sat,sun 00:00-24:00", "2026-06-06 00:00 +0000, 2026-06-07 23:59 +0000",
			"2026-06-05 23:59 +0000, 2026-06-08 00:00 +0000"},
		{"mon 02:00-01:00", "2026-06-01 02:00 +0000, 2026-06-02 00:59 +0000", "2026-06-02 01:00 +0000"},
		{"mon 09:00-10:00 Asia/Kathmandu", "2026-06-01 03:15 +0000, 2026-06-01 04:14 +0000",
			"2026-06-01 03:14 +0000, 2026-06-01 04:15 +0000"},
		{"sun 23:00-24:00 America/New_York", "2026-06-08 03:30 +0000", "2026-06-07 23:30 +0000"},
		// Berlin, 2026-03-29: 02:00 becomes 03:00. What does not exist is in no window.
		{"daily 01:30-02:30 Europe/Berlin", "2026-03-29 01:59 +0100", "2026-03-29 03:00 +0200"},
		{"daily 02:30-03:30 Europe/Berlin", "2026-03-29 03:00 +0200, 2026-03-29 03:29 +0200",
			"2026-03-29 01:59 +0100, 2026-03-29 03:30 +0200"},
		{"daily 02:15-02:45 Europe/Berlin", "2026-03-28 02:15 +0100",
			"2026-03-29 01:59 +0100, 2026-03-29 03:00 +0200, 2026-03-29 03:15 +0200"},
		// Berlin, 2026-10-25: 03:00 becomes 02:00. What comes twice is in it twice.
		{"daily 02:15-02:45 Europe/Berlin", "2026-10-25 02:15 +0200, 2026-10-25 02:44 +0100",
			"2026-10-25 02:45 +0200, 2026-10-25 02:14 +0100, 2026-10-25 02:45 +0100"},
	} {
		w := window(t, c.window)
		for _, at := range strings.Split(c.open, ", ") {
			if !w.Open(moment(t, at)) {
				t.Errorf("%s is closed at %s: work waits for nothing", c.window, at)
			}
		}
		for _, at := range strings.Split(c.closed, ", ") {
			if w.Open(moment(t, at)) {
				t.Errorf("%s is open at %s: a container is touched out of its time", c.window, at)
			}
		}
	}
}

func TestWhenAWindowOpensNext(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ window, at, want string }{
		{"daily 02:00-05:00", "2026-06-01 03:00 +0000", "2026-06-01 03:00 +0000"},
		{"daily 02:00-05:00", "2026-06-01 05:00 +0000", "2026-06-02 02:00 +0000"},
		{"mon 02:00-05:00", "2026-06-01 05:00 +0000", "2026-06-08 02:00 +0000"},
		{"mon-fri 22:00-04:00 Europe/Berlin", "2026-06-06 12:00 +0000", "2026-06-08 22:00 +0200"},
		{"daily 02:15-02:45 Europe/Berlin", "2026-03-29 00:00 +0100", "2026-03-30 02:15 +0200"},
		{"sun 02:15-02:45 Europe/Berlin", "2026-03-29 00:00 +0100", "2026-04-05 02:15 +0200"},
		{"sun 02:30-04:00 Europe/Berlin", "2026-03-29 00:00 +0100", "2026-03-29 03:00 +0200"},
		{"sun 02:15-02:45 Europe/Berlin", "2026-10-25 02:45 +0200", "2026-10-25 02:15 +0100"},
		{"sun 01:30-02:30 America/New_York", "2026-11-01 00:00 -0400", "2026-11-01 01:30 -0400"},
	} {
		if got, want := window(t, c.window).Next(moment(t, c.at)), moment(t, c.want); !got.Equal(want) {
			t.Errorf("%s after %s opens at %s, not %s", c.window, c.at, got.In(want.Location()), want)
		}
	}
}

func TestTheZeroWindowIsNeverOpen(t *testing.T) {
	t.Parallel()
	at := time.Unix(1e9, 0)
	if w := (Window{}); w.Open(at) || !w.Next(at).IsZero() || w.String() != "" {
		t.Errorf("%q is open, or opens at %s", w, w.Next(at))
	}
}

// Next is the first minute at or after t that is open, found minute by minute.
func TestNextIsTheFirstOpenMinute(t *testing.T) {
	t.Parallel()
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
		"America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca"}
	starts := []string{"2026-03-27 00:00 +0000", "2026-10-23 12:00 +0000", "2026-11-01 04:00 +0000",
		"2011-12-29 00:00 +0000", "2018-11-03 00:00 +0000", "2026-06-01 00:00 +0000",
		"2026-04-03 00:00 +0000"}
	moments := make([]time.Time, len(starts))
	for i, s := range starts {
		moments[i] = moment(t, s)
	}
	rapid.Check(t, func(t *rapid.T) {
		w := Window{days: uint8(rapid.IntRange(1, everyDay).Draw(t, "days")),
			from: rapid.IntRange(0, minutesOfDay-1).Draw(t, "from")}
		w.to = w.from + rapid.IntRange(1, minutesOfDay-1).Draw(t, "length")
		zone, ok := loadZone(rapid.SampledFrom(zones).Draw(t, "zone"))
		if !ok {
			t.Fatal("a zone is missing")
		}
		w.zone = zone
		at := rapid.SampledFrom(moments).Draw(t, "at").Add(
			time.Duration(rapid.IntRange(0, 4*minutesOfDay*60).Draw(t, "seconds")) * time.Second)
		want := at
		for !w.Open(want) {
			want = want.Truncate(time.Minute).Add(time.Minute)
		}
		if got := w.Next(at); !got.Equal(want) {
			t.Fatalf("%s after %s opens at %s, not %s", w, at.In(zone), got.In(zone), want.In(zone))
		}
	})
}

// FuzzWindow holds that a text is refused with a word, or is a window that its own text describes,
// and that is open when it says that it opens.
func FuzzWindow(f *testing.F) {
	for _, seed := range []string{"mon-fri 22:00-04:00 Europe/Berlin", "sat,sun 00:00-24:00",
		"daily 02:00-05:00", "fri-mon 23:59-00:00 UTC", "mon 01:00-02:00 Local", "- - -",
		"sun 24:00-24:00"} {
		f.Add(seed, int64(1774746000))
	}
	f.Fuzz(func(t *testing.T, text string, unix int64) {
		w, wrong, hint := parseWindow(text)
		if wrong != "" {
			if hint == "" {
				t.Fatalf("%q is refused without a hint", text)
			}
			return
		}
		if again := window(t, w.String()); !again.Equal(w) || again.String() != w.String() {
			t.Fatalf("%q becomes %q, and that %q", text, w, again)
		}
		const century = 100 * 365 * 24 * 60 * 60
		at := time.Unix(unix%century, 0)
		if next := w.Next(at); next.Before(at) || !w.Open(next) {
			t.Fatalf("%s after %s: it is not open at %s", w, at, next)
		}
	})
}
