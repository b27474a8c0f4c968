package spec

// Limits of a tree. They are far above what a fleet needs, and low enough that a hostile or
// broken source is refused in bounded time and memory.
const (
	MaxFileSize   = 16 << 20  // bytes of one YAML file
	MaxTotalSize  = 64 << 20  // bytes of all YAML files
	MaxFiles      = 10_000    // YAML files
	MaxEntries    = 100_000   // files and directories looked at while searching for YAML
	MaxDepth      = 64        // levels of nesting, also of merge keys
	MaxNodes      = 4_000_000 // YAML nodes as written
	MaxVisits     = 8_000_000 // keys and list items looked at, with every alias expanded
	MaxContainers = 500_000   // containers on all hosts
	MaxProblems   = 1_000     // problems that are reported; the rest is only mentioned
	MaxWarnings   = 10_000    // the same for warnings
)
