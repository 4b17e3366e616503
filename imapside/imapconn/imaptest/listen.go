package imaptest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Server plays scripts on a loopback port, one a connection.
type Server struct {
	Address string // host:port
}

// Listen starts a server for as many connections as there are scripts, played
// in order of arrival; later connections are closed at once.
func Listen(t testing.TB, scripts ...Script) *Server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			if len(scripts) == 0 {
				nc.Close()
				continue
			}
			play(t, nc, scripts[0])
			scripts = scripts[1:]
		}
	}()
	t.Cleanup(func() {
		ln.Close()
		<-done
	})
	return &Server{Address: ln.Addr().String()}
}

// Certificate is a self-signed server certificate.
type Certificate struct {
	TLS         tls.Certificate
	CAFile      string // PEM file with the certificate as its own root
	Fingerprint string // "sha256:…"
}

// CertificateOptions are what a test wants wrong, or right.
type CertificateOptions struct {
	Hosts   []string // names or addresses; none means 127.0.0.1 and localhost
	Expired bool
}

// NewCertificate makes a certificate in the test's temporary directory.
func NewCertificate(t testing.TB, opts CertificateOptions) Certificate {
	t.Helper()
	if len(opts.Hosts) == 0 {
		opts.Hosts = []string{"127.0.0.1", "localhost"}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("generate key: %v", err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "imaptest"},
		NotBefore:             time.Now().Add(-48 * time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	if opts.Expired {
		template.NotAfter = time.Now().Add(-24 * time.Hour)
	}
	for _, host := range opts.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatalf("create certificate: %v", err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatalf("write certificate: %v", err)
	}
	sum := sha256.Sum256(der)
	return Certificate{
		TLS:         tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		CAFile:      file,
		Fingerprint: "sha256:" + hex.EncodeToString(sum[:]),
	}
}
