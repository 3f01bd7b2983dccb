package iris

// A GatewayType is a type of web gateway (spec…webgateway.type) with the ports
// at which it serves pages.
type GatewayType struct {
	Name string
	// Port serves pages, over TLS if HTTPS is set.
	Port  int32
	HTTPS bool
	// TLSPort serves them over TLS as well if the IrisCluster has
	// spec.tls.webgateway; 0 if no such port is known.
	TLSPort int32
}

// GatewayTypes returns the known types, the default first. This table is the
// only place that knows at which port a type serves pages.
func GatewayTypes() []GatewayType {
	return []GatewayType{
		{Name: "apache", Port: PortGateway, TLSPort: PortGatewayTLS},
		{Name: "nginx", Port: PortGateway, TLSPort: PortGatewayTLS}, // the ports are inferred
		{Name: "apache-lockeddown", Port: PortWeb},
	}
}

// GatewayTypeNamed returns the type of that name. A name that is not known, or
// "", stands for Apache, as in an IrisCluster.
func GatewayTypeNamed(name string) GatewayType {
	types := GatewayTypes()
	for _, t := range types {
		if t.Name == name {
			return t
		}
	}
	return types[0]
}
