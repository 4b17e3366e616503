package imapconn

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
)

// handshake puts TLS on c.nc.
func (c *Conn) handshake(ctx context.Context) error {
	config, err := c.opts.tlsConfig()
	if err != nil {
		return &ConnError{Kind: ErrTLS, Err: err}
	}
	within, cancel := context.WithTimeout(ctx, c.opts.ReplyIdle)
	defer cancel()
	t := tls.Client(c.nc, config)
	if err := t.HandshakeContext(within); err != nil {
		return c.opts.handshakeError(ctx, err)
	}
	c.nc = t
	return nil
}

func (o *Options) tlsConfig() (*tls.Config, error) {
	config := &tls.Config{ServerName: o.ServerName, MinVersion: tls.VersionTLS12}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("no certificate in %q", o.CAFile)
		}
	}
	if o.Fingerprint == "" {
		if o.ServerName == "" {
			return nil, errors.New("no server name to check the certificate against")
		}
		return config, nil
	}
	pin, err := parseFingerprint(o.Fingerprint)
	if err != nil {
		return nil, err
	}
	// The pin replaces crypto/tls's own checks; with CAFile both hold.
	config.InsecureSkipVerify = true
	config.VerifyConnection = func(state tls.ConnectionState) error {
		return o.verifyPin(&state, pin, config.RootCAs)
	}
	return config, nil
}

func (o *Options) verifyPin(state *tls.ConnectionState, pin [sha256.Size]byte, roots *x509.CertPool) error {
	leaf := state.PeerCertificates[0]
	if sha256.Sum256(leaf.Raw) != pin {
		return &CertificateError{Host: o.ServerName, Check: CheckFingerprint, Fingerprint: fingerprint(leaf)}
	}
	if roots == nil {
		return nil
	}
	between := x509.NewCertPool()
	for _, cert := range state.PeerCertificates[1:] {
		between.AddCert(cert)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, DNSName: o.ServerName})
	if err != nil {
		return o.certificateError(leaf, err)
	}
	return nil
}

// fingerprint is a certificate's as Options.Fingerprint takes it.
func fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func parseFingerprint(s string) (pin [sha256.Size]byte, err error) {
	digits, ok := strings.CutPrefix(strings.ToLower(s), "sha256:")
	b, err := hex.DecodeString(strings.ReplaceAll(digits, ":", ""))
	if !ok || err != nil || len(b) != len(pin) {
		return pin, fmt.Errorf("fingerprint %q is not sha256: and 64 hexadecimal digits", s)
	}
	return [sha256.Size]byte(b), nil
}

// handshakeError tells a certificate that was not accepted from everything
// else that can go wrong.
func (o *Options) handshakeError(ctx context.Context, err error) *ConnError {
	var verification *tls.CertificateVerificationError
	var certificate *CertificateError
	switch {
	case errors.As(err, &certificate):
		return &ConnError{Kind: ErrCertificate, Err: certificate}
	case errors.As(err, &verification) && len(verification.UnverifiedCertificates) > 0:
		return &ConnError{Kind: ErrCertificate, Err: o.certificateError(verification.UnverifiedCertificates[0], verification.Err)}
	case ctx.Err() != nil || isTimeout(err) || errors.Is(err, context.DeadlineExceeded):
		return dialError(ctx, err)
	}
	if e := connError(err); e.Kind == ErrCut && isCut(err) {
		return e
	}
	return &ConnError{Kind: ErrTLS, Err: err}
}

func (o *Options) certificateError(leaf *x509.Certificate, err error) *CertificateError {
	e := &CertificateError{Host: o.ServerName, Check: CheckOther, Fingerprint: fingerprint(leaf), Err: err}
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &authority):
		e.Check = CheckAuthority
	case errors.As(err, &name):
		e.Check = CheckName
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		e.Check = CheckDates
	}
	return e
}
