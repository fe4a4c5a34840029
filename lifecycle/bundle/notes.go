package bundle

// The install notes, one for each download format. NAME stands for the base of
// the file names.

const nginxNote = `Copy both files to the server, for example to /etc/nginx/ssl/, the key with mode
0600, and in the server block:

    listen 443 ssl;
    ssl_certificate     /etc/nginx/ssl/NAME.pem;
    ssl_certificate_key /etc/nginx/ssl/NAME.key;

NAME.pem holds the certificate and its chain, in the order nginx needs. Then:

    nginx -t && nginx -s reload
`

const apacheNote = `Copy the files to the server, for example to /etc/apache2/ssl/, the key with mode
0600, and in the virtual host:

    SSLEngine on
    SSLCertificateFile      /etc/apache2/ssl/NAME.crt
    SSLCertificateChainFile /etc/apache2/ssl/NAME-chain.crt
    SSLCertificateKeyFile   /etc/apache2/ssl/NAME.key

Leave the chain's line out if there is no such file. Then:

    apachectl configtest && apachectl graceful
`

const tomcatNote = `Copy one of the key stores to Tomcat's conf directory with mode 0600: NAME.p12 for
Java 12 and later, NAME.jks for older ones. Both have the password in
NAME-password.txt. In conf/server.xml, inside the Connector with SSLEnabled="true":

    <SSLHostConfig>
      <Certificate certificateKeystoreFile="conf/NAME.p12"
                   certificateKeystoreType="PKCS12"
                   certificateKeystorePassword="the password"/>
    </SSLHostConfig>

For NAME.jks the type is JKS. Look into one first, then restart Tomcat:

    keytool -list -keystore NAME.p12 -storepass:file NAME-password.txt
`

const iisNote = `NAME.pfx has the certificate, its chain and the key; the password is in
NAME-password.txt. It needs Windows Server 2019 or later. In PowerShell, as
administrator:

    $p = ConvertTo-SecureString (Get-Content NAME-password.txt) -AsPlainText -Force
    Import-PfxCertificate NAME.pfx -CertStoreLocation Cert:\LocalMachine\My -Password $p

Then in the IIS Manager: the site, Bindings, https, and choose the certificate.
Delete both files afterwards.
`

const haproxyNote = `NAME.pem has the certificate, its chain and the key, in this order. Copy it to the
server with mode 0600, for example to /etc/haproxy/certs/, and in the frontend:

    bind :443 ssl crt /etc/haproxy/certs/NAME.pem

Then:

    haproxy -c -f /etc/haproxy/haproxy.cfg && systemctl reload haproxy
`

const pemNote = `fullchain is the certificate followed by its chain: most servers want this one
with the key. cert is the certificate alone, chain the intermediates alone, for
servers that ask for them separately. Look at one with:

    openssl x509 -in NAME-cert.pem -noout -text
`

const chainNote = `The intermediates, the issuer of the certificate first, without root. A server
presents them after its own certificate. Check a certificate against them with:

    openssl verify -untrusted NAME-chain.pem -CAfile ROOT CERTIFICATE
`

const rootNote = `The root, which clients must trust; a server does not present it. If it is not
among the roots of the system:

    Debian, Ubuntu   cp NAME-root.pem /usr/local/share/ca-certificates/NAME-root.crt
                     update-ca-certificates
    Fedora, RHEL     cp NAME-root.pem /etc/pki/ca-trust/source/anchors/
                     update-ca-trust
    one command      curl --cacert NAME-root.pem https://...
`
