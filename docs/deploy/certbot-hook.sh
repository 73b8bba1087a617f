#!/bin/sh
# Copies the certificate and its key to where the user vault can read them. certbot runs this after
# each renewal.
set -e
install -d -m 0750 -g vault /etc/vault/tls
install -m 0640 -g vault "$RENEWED_LINEAGE/privkey.pem" /etc/vault/tls/key.pem
install -m 0640 -g vault "$RENEWED_LINEAGE/fullchain.pem" /etc/vault/tls/cert.pem
