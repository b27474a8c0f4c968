package spec

// Preparation returns what the host is prepared with if somebody asks for it: what is declared, or
// else what prepare: {} would mean. The result shares memory with the host.
func (h *Host) Preparation() Preparation {
	if h.Prepare != nil {
		return *h.Prepare
	}
	var p Preparation
	for _, d := range bridgesOf(h, entry{}) {
		if gateways := gatewaysOf(h.networksOn(d.Name)); len(gateways) > 0 {
			d.Address, d.NAT = gateways[0], true
		}
		p.Bridges = append(p.Bridges, d.PreparedBridge)
	}
	return p
}
