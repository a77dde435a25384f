"""Writes the bill of materials of an image, SPDX 2.3 in JSON, from what dpkg knows of the packages that its files came from.

Usage: sbom.py IMAGE VERSION REVISION PACKAGES...: IMAGE is the folder that becomes the image's file system.
"""
import datetime
import hashlib
import json
import os
import subprocess
import sys
import urllib.parse

BARKER = 'SPDXRef-Package-barker'


def field(package, name):
    return subprocess.check_output(['dpkg-query', '-W', '-f', '${' + name + '}', package], text=True).strip()


def release():
    with open('/etc/os-release', encoding='utf-8') as lines:
        return dict(line.rstrip('\n').replace('"', '').split('=', 1) for line in lines if '=' in line)


def spdx_id(kind, name):
    return f'SPDXRef-{kind}-' + ''.join(letter if letter.isalnum() or letter in '.-' else '-' for letter in name)


def purl(package, debian):
    name, version, architecture = (field(package, of) for of in ('Package', 'Version', 'Architecture'))
    distribution = f'debian-{debian.get("VERSION_ID", debian.get("VERSION_CODENAME", "unknown"))}'
    return f'pkg:deb/debian/{name}@{urllib.parse.quote(version)}?arch={architecture}&distro={distribution}'


def described(package, debian):
    return {
        'SPDXID': spdx_id('Package', field(package, 'Package')),
        'name': field(package, 'Package'),
        'versionInfo': field(package, 'Version'),
        'supplier': f'Organization: {field(package, "Maintainer")}',
        'downloadLocation': 'NOASSERTION',
        'filesAnalyzed': False,
        'sourceInfo': f'built from {field(package, "source:Package")} {field(package, "source:Version")}',
        'licenseConcluded': 'NOASSERTION',
        'licenseDeclared': 'NOASSERTION',
        'comment': f'its licences: /usr/share/doc/{field(package, "Package")}/copyright',
        'copyrightText': 'NOASSERTION',
        'externalRefs': [
            {'referenceCategory': 'PACKAGE-MANAGER', 'referenceType': 'purl', 'referenceLocator': purl(package, debian)}
        ],
    }


def barker(image, version, revision):
    with open(os.path.join(image, 'barker'), 'rb') as binary:
        digest = hashlib.sha256(binary.read()).hexdigest()
    return {
        'SPDXID': BARKER,
        'name': 'barker',
        'versionInfo': version,
        'sourceInfo': f'revision {revision}',
        'downloadLocation': 'NOASSERTION',
        'filesAnalyzed': False,
        'checksums': [{'algorithm': 'SHA256', 'checksumValue': digest}],
        'licenseConcluded': 'Apache-2.0',
        'licenseDeclared': 'Apache-2.0',
        'copyrightText': 'NOASSERTION',
        'primaryPackagePurpose': 'APPLICATION',
    }


def relation(kind, source, target):
    return {'spdxElementId': source, 'relationshipType': kind, 'relatedSpdxElement': target}


def main(image, version, revision, *names):
    debian = release()
    own = barker(image, version, revision)
    packages = [described(name, debian) for name in sorted(set(names))]
    moment = datetime.datetime.fromtimestamp(int(os.environ.get('SOURCE_DATE_EPOCH', 0)), datetime.timezone.utc)
    json.dump({
        'spdxVersion': 'SPDX-2.3',
        'dataLicense': 'CC0-1.0',
        'SPDXID': 'SPDXRef-DOCUMENT',
        'name': f'barker-{version}',
        'documentNamespace': f'urn:barker:{version}:{revision}:{own["checksums"][0]["checksumValue"]}',
        'creationInfo': {'created': moment.strftime('%Y-%m-%dT%H:%M:%SZ'), 'creators': ['Tool: deploy/container/sbom.py']},
        'packages': [own] + packages,
        'relationships': [relation('DESCRIBES', 'SPDXRef-DOCUMENT', BARKER)]
        + [relation('DEPENDS_ON', BARKER, package['SPDXID']) for package in packages],
    }, sys.stdout, indent=1)
    print()


main(*sys.argv[1:])
