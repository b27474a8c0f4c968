package spec

// sshFields say how ssh goes to a host, besides connect. In defaults they hold for every host that
// does not say otherwise. Containers of the predecessors have them, too: there they do nothing.
func sshFields() []field {
	const all = InHost | inSettings
	return []field{
		{Field: Field{Key: "agent", In: InHost, Kind: KindText, Status: Acted,
			Default: "delivered through ssh",
			Doc:     "this program where it is installed there: an absolute path, or a name in the PATH"},
			put: putAgent},
		{Field: Field{Key: "ssh_gateway", In: all, Kind: KindText, Status: Acted, Default: hopNone,
			Doc: "machine over which ssh reaches the host, or none"},
			set: setHop(hopHost), put: putHop(hopHost)},
		{Field: Field{Key: "ssh_gateway_key", In: all, Kind: KindText, Status: Acted,
			Default: "as ssh is configured",
			Doc:     "private key for that machine on the controller: a path, absolute or with ~/"},
			set: setHop(hopKey), put: putHop(hopKey)},
		{Field: Field{Key: "ssh_gateway_port", In: all, Kind: KindInt, Status: Acted,
			Default: "as ssh is configured", Doc: "port of that machine"},
			set: setHop(hopPort), put: putHop(hopPort)},
		{Field: Field{Key: "ssh_gateway_user", In: all, Kind: KindText, Status: Acted,
			Default: "as ssh is configured", Doc: "user on that machine"},
			set: setHop(hopUser), put: putHop(hopUser)},
		rejectedField("ssh_gateway_password", gatewayTakesKeys, InHost),
	}
}
