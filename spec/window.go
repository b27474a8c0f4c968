package spec

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Window is a stretch of time that comes again every week, such as mon-fri 22:00-04:00
// Europe/Berlin. It is open at each moment at which the clocks of its zone show a day and a time
// inside of it, the last minute excluded: what daylight saving skips is in no window, and what it
// repeats is in it twice. The zero Window is never open. A Window is not changed after it was
// made.
type Window struct {
	days uint8 // one bit for each time.Weekday on which it opens
	from int   // minutes since midnight, below a day
	to   int   // the same of its end; above a day: on the next one
	zone *time.Location
}

const (
	minutesOfDay  = 24 * 60
	minutesOfWeek = 7 * minutesOfDay
	everyDay      = 1<<7 - 1
)

// Open reports whether the window is open at t.
func (w Window) Open(t time.Time) bool {
	if w.days == 0 {
		return false
	}
	minute := weekMinute(t.In(w.zone))
	for day := range 7 {
		since := (minute - day*minutesOfDay - w.from + 2*minutesOfWeek) % minutesOfWeek
		if w.days&(1<<day) != 0 && since < w.to-w.from {
			return true
		}
	}
	return false
}

// Next returns when the window is open next: t itself if it is open at t, else the minute at which
// it opens. Of the zero Window that is the zero Time.
func (w Window) Next(t time.Time) time.Time {
	if w.days == 0 {
		return time.Time{}
	}
	for !w.Open(t) {
		// As long as the zone keeps its offset, its clocks go as fast as time itself.
		opens := w.opensByClock(t.In(w.zone))
		_, change := t.In(w.zone).ZoneBounds()
		if change.IsZero() || opens.Before(change) {
			return opens
		}
		t = change
	}
	return t
}

// opensByClock returns when clocks that show t, and go on evenly, show the next beginning.
func (w Window) opensByClock(t time.Time) time.Time {
	wait := minutesOfWeek
	for day := range 7 {
		if w.days&(1<<day) != 0 {
			ahead := (day*minutesOfDay + w.from - weekMinute(t) + minutesOfWeek) % minutesOfWeek
			if ahead == 0 {
				ahead = minutesOfWeek
			}
			wait = min(wait, ahead)
		}
	}
	begun := time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond())
	return t.Add(time.Duration(wait)*time.Minute - begun)
}

// weekMinute is what the clock shows, as minutes since the beginning of Sunday.
func weekMinute(t time.Time) int {
	return int(t.Weekday())*minutesOfDay + t.Hour()*60 + t.Minute()
}

// Equal reports whether both have the same text.
func (w Window) Equal(other Window) bool { return w.String() == other.String() }

// String returns the canonical text, from which the same Window is read: days from mon to sun in
// ranges, times, and the zone unless it is UTC. Of the zero Window it is empty.
func (w Window) String() string {
	if w.days == 0 {
		return ""
	}
	text := fmt.Sprintf("%s %s-%s", daysText(w.days), clockText(w.from),
		clockText((w.to-1)%minutesOfDay+1))
	if w.zone != time.UTC {
		text += " " + w.zone.String()
	}
	return text
}

func clockText(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }

// weekdays are the days as they are written, in the order of a week.
func weekdays() []string { return []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"} }

// dayBit is the bit of the nth of weekdays.
func dayBit(n int) uint8 { return 1 << ((n + 1) % 7) }

func daysText(days uint8) string {
	if days == everyDay {
		return "daily"
	}
	names := weekdays()
	var parts []string
	for first := 0; first < len(names); first++ {
		last := first
		for last < len(names) && days&dayBit(last) != 0 {
			last++
		}
		switch last - first {
		case 0:
			continue
		case 1, 2:
			parts = append(parts, names[first:last]...)
		default:
			parts = append(parts, names[first]+"-"+names[last-1])
		}
		first = last
	}
	return strings.Join(parts, ",")
}

// windowForm is the hint for what is not of the form of a window.
const windowForm = `write it such as "mon-fri 22:00-04:00 Europe/Berlin", in quotes`

// ParseWindow reads a window as a tree has it. What String returns is read as the same Window.
func ParseWindow(text string) (Window, error) {
	w, wrong, hint := parseWindow(text)
	if wrong != "" {
		return Window{}, fmt.Errorf("window %q %s; %s", shorten(text), wrong, hint)
	}
	return w, nil
}

// parseWindow reads a window, or says what is wrong with the text and what to write.
func parseWindow(s string) (w Window, wrong, hint string) {
	words := strings.Fields(s)
	if len(words) != 2 && len(words) != 3 {
		return Window{}, "is not a window of days and times", windowForm
	}
	w.zone = time.UTC
	var ok bool
	if w.days, ok = parseDays(strings.ToLower(words[0])); !ok {
		return Window{}, "does not begin with days",
			"days are daily, or names and ranges such as mon,wed-fri; " + windowForm
	}
	from, to, _ := strings.Cut(words[1], "-")
	if w.from, ok = parseClock(from); ok {
		w.to, ok = parseClock(to)
	}
	if !ok || w.from == minutesOfDay {
		return Window{}, "has no times after its days", "times are such as 22:00-04:00; " + windowForm
	}
	if w.from == w.to {
		return Window{}, "ends when it begins", "write 00:00-24:00 for the whole day"
	}
	if w.to < w.from {
		w.to += minutesOfDay
	}
	if len(words) == 3 {
		if w.zone, ok = loadZone(words[2]); !ok {
			return Window{}, "has an unknown time zone",
				"write a name such as Europe/Berlin, or none for UTC"
		}
	}
	return w, "", ""
}

// parseDays reads names and ranges of days; a range may go beyond sun.
func parseDays(s string) (days uint8, ok bool) {
	if s == "daily" {
		return everyDay, true
	}
	names := weekdays()
	for part := range strings.SplitSeq(s, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, to := slices.Index(names, first), slices.Index(names, last)
		if from < 0 || to < 0 {
			return 0, false
		}
		for n := from; ; n++ {
			days |= dayBit(n)
			if n%7 == to {
				break
			}
		}
	}
	return days, true
}

// parseClock reads HH:MM up to 24:00, in minutes.
func parseClock(s string) (minutes int, ok bool) {
	if len(s) != len("HH:MM") || s[2] != ':' {
		return 0, false
	}
	h, errH := strconv.ParseUint(s[:2], 10, 8)
	m, errM := strconv.ParseUint(s[3:], 10, 8)
	minutes = int(h)*60 + int(m)
	return minutes, errH == nil && errM == nil && m < 60 && minutes <= minutesOfDay
}

// loadZone finds a zone by a name that means the same on every machine.
func loadZone(name string) (zone *time.Location, ok bool) {
	if strings.EqualFold(name, "local") || strings.EqualFold(name, "localtime") {
		return nil, false
	}
	zone, err := time.LoadLocation(name)
	return zone, err == nil
}
