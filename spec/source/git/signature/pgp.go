package signature

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// addArmored takes all blocks of a file: exports of several people put behind each other.
func (k *Keys) addArmored(data []byte) error {
	for _, text := range blocks(data) {
		block, err := armor.Decode(bytes.NewReader(text))
		if err != nil {
			return fmt.Errorf("cannot read armor: %w", err)
		}
		if block.Type != openpgp.PublicKeyType {
			return fmt.Errorf("it holds a %s, not a public key", block.Type)
		}
		body, err := io.ReadAll(block.Body)
		if err != nil {
			return fmt.Errorf("cannot read armor: %w", err)
		}
		if err := k.addBinary(body); err != nil {
			return err
		}
	}
	return nil
}

// blocks cuts a file before each armor header: armor.Decode reads ahead of the block it returns.
func blocks(data []byte) [][]byte {
	mark := []byte("-----BEGIN PGP ")
	var out [][]byte
	for rest := data[bytes.Index(data, mark):]; len(rest) > 0; {
		end := bytes.Index(rest[len(mark):], mark)
		if end < 0 {
			return append(out, rest)
		}
		out = append(out, rest[:len(mark)+end])
		rest = rest[len(mark)+end:]
	}
	return out
}

// addBinary reads keys one by one, because the reader of whole rings skips what it cannot read.
func (k *Keys) addBinary(data []byte) error {
	packets := packet.NewReader(bytes.NewReader(data))
	for {
		key, err := openpgp.ReadEntity(packets)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("cannot read OpenPGP key: %w", err)
		}
		if secret(key) {
			return errors.New("it holds a secret key; only public keys belong here")
		}
		if self, _ := key.PrimarySelfSignature(); self == nil { // verifying would panic
			return fmt.Errorf("OpenPGP key %016X has no valid user ID", key.PrimaryKey.KeyId)
		}
		k.pgp = append(k.pgp, key)
	}
}

func secret(key *openpgp.Entity) bool {
	for _, s := range key.Subkeys {
		if s.PrivateKey != nil {
			return true
		}
	}
	return key.PrivateKey != nil
}

func (k *Keys) verifyPGP(payload, text []byte) (string, error) {
	body, sig, err := onlySignature(text)
	if err != nil {
		return "", bad("cannot read OpenPGP signature: %w", err)
	}
	if sig.SigType != packet.SigTypeBinary {
		return "", bad("it is an OpenPGP signature of another kind (%d)", sig.SigType)
	}
	if sig.IssuerKeyId == nil {
		return "", bad("it does not say which key made it")
	}
	if len(k.pgp.KeysById(*sig.IssuerKeyId)) == 0 {
		return "", fmt.Errorf("%w: OpenPGP key %016X", ErrUnknownSigner, *sig.IssuerKeyId)
	}
	candidates := k.pgp.KeysByIdUsage(*sig.IssuerKeyId, packet.KeyFlagSign)
	if len(candidates) == 0 {
		return "", bad("OpenPGP key %016X is not meant for signing", *sig.IssuerKeyId)
	}
	for _, c := range candidates {
		if err := strong(c, sig); err != nil {
			return "", err
		}
	}
	_, key, err := openpgp.VerifyDetachedSignature(k.pgp, bytes.NewReader(payload),
		bytes.NewReader(body), nil)
	if err != nil {
		return "", bad("OpenPGP key %016X: %w", *sig.IssuerKeyId, err)
	}
	return person(key), nil
}

// onlySignature opens the armor and makes sure that one signature is all there is: with two, who
// signed would depend on which one is looked at.
func onlySignature(text []byte) ([]byte, *packet.Signature, error) {
	if !bytes.HasSuffix(text, []byte("-----END PGP SIGNATURE-----")) {
		return nil, nil, errors.New("something follows it, or its end is missing")
	}
	block, err := armor.Decode(bytes.NewReader(text))
	if err != nil {
		return nil, nil, err
	}
	if block.Type != openpgp.SignatureType || bytes.Count(text, []byte("-----BEGIN ")) != 1 {
		return nil, nil, errors.New("it is not a single signature")
	}
	body, err := io.ReadAll(block.Body)
	if err != nil {
		return nil, nil, err
	}
	packets := packet.NewReader(bytes.NewReader(body))
	p, err := packets.Next()
	if err != nil {
		return nil, nil, err
	}
	sig, ok := p.(*packet.Signature)
	if _, err := packets.Next(); !ok || !errors.Is(err, io.EOF) {
		return nil, nil, errors.New("it is not a single signature")
	}
	return body, sig, nil
}

// strong refuses what can be forged today. The library checks this for messages only.
func strong(key openpgp.Key, sig *packet.Signature) error {
	var limits *packet.Config // nil stands for the library's defaults
	bits, err := key.PublicKey.BitLength()
	if err != nil {
		return bad("OpenPGP key %016X: %w", key.PublicKey.KeyId, err)
	}
	rsa := key.PublicKey.PubKeyAlgo == packet.PubKeyAlgoRSA ||
		key.PublicKey.PubKeyAlgo == packet.PubKeyAlgoRSASignOnly
	switch {
	case limits.RejectMessageHashAlgorithm(sig.Hash):
		return bad("it uses the weak hash %s", sig.Hash)
	case limits.RejectPublicKeyAlgorithm(key.PublicKey.PubKeyAlgo),
		rsa && bits < limits.MinimumRSABits():
		return bad("OpenPGP key %016X is too weak", key.PublicKey.KeyId)
	}
	return nil
}

// person names the owner of a key.
func person(key *openpgp.Entity) string {
	id := fmt.Sprintf("(pgp %016X)", key.PrimaryKey.KeyId)
	if owner := key.PrimaryIdentity(); owner != nil {
		return oneLine(owner.Name) + " " + id
	}
	return id
}
