package localkube

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"time"

	certutil "k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
)

// lifetime of what is signed, unless asked otherwise: the demo may stay up.
const lifetime = 365 * 24 * time.Hour

// authority is the certificate authority of one cluster. Servers and clients
// have the same one.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// keyPair is a certificate and its key, PEM-encoded.
type keyPair struct {
	cert []byte
	key  []byte
}

// newKey makes a P-256 key: in a fraction of the time that RSA takes.
func newKey() (crypto.Signer, error) {
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

// newAuthority makes a certificate authority.
func newAuthority() (authority, error) {
	key, err := newKey()
	if err != nil {
		return authority{}, err
	}
	cert, err := certutil.NewSelfSignedCACert(certutil.Config{CommonName: "localkube"}, key)
	return authority{cert: cert, key: key}, err
}

// pem is the authority's own certificate and key.
func (a authority) pem() (keyPair, error) {
	return encodePair(a.cert, a.key)
}

// serving signs a certificate for a server with these names and addresses.
func (a authority) serving(name string, dnsNames []string, ips []net.IP) (keyPair, error) {
	return a.sign(&x509.Certificate{
		Subject:     pkix.Name{CommonName: name},
		DNSNames:    dnsNames,
		IPAddresses: ips,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		NotAfter:    time.Now().Add(lifetime),
	})
}

// client signs a certificate that Kubernetes takes for this user in these
// groups until notAfter, which may be in the past.
func (a authority) client(user string, groups []string, notAfter time.Time) (keyPair, error) {
	return a.sign(&x509.Certificate{
		Subject:     pkix.Name{CommonName: user, Organization: groups},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		NotAfter:    notAfter,
	})
}

// sign completes the template and signs it for a new key.
func (a authority) sign(template *x509.Certificate) (keyPair, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return keyPair{}, err
	}
	key, err := newKey()
	if err != nil {
		return keyPair{}, err
	}
	template.SerialNumber = serial
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.BasicConstraintsValid = true
	// Valid for a while before its end, also when that lies in the past.
	template.NotBefore = time.Now().Add(-time.Hour)
	if !template.NotBefore.Before(template.NotAfter) {
		template.NotBefore = template.NotAfter.Add(-time.Hour)
	}

	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return keyPair{}, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return keyPair{}, err
	}
	return encodePair(cert, key)
}

// encodePair encodes a certificate and its key.
func encodePair(cert *x509.Certificate, key crypto.Signer) (keyPair, error) {
	certPEM, err := certutil.EncodeCertificates(cert)
	if err != nil {
		return keyPair{}, err
	}
	keyPEM, err := keyutil.MarshalPrivateKeyToPEM(key)
	return keyPair{cert: certPEM, key: keyPEM}, err
}
