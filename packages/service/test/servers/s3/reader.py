# The judge of what lies in a bucket: a client of its own on Python's standard library alone, which shares no line with the
# one that writes. Signs by AWS Signature Version 4. Run by reader.ts.
#   reader.py COMMAND ENDPOINT REGION BUCKET [ARGUMENT]     keys in WEIR_S3_ACCESS_KEY and WEIR_S3_SECRET_KEY
#   list PREFIX   a JSON object a line: key, stored bytes
#   read PREFIX   the same with everything in it: inflated, hashed, every line parsed as JSON; one that is none is a failure
#   make          makes the bucket, unless it is there
#   put KEY       writes an object, of what stands on stdin; metadata as JSON in WEIR_S3_METADATA
#   delete KEY    removes an object
import datetime, gzip, hashlib, hmac, http.client, json, os, sys, urllib.parse
import xml.etree.ElementTree as ElementTree


class Store:
    def __init__(self, endpoint, region, bucket):
        url = urllib.parse.urlsplit(endpoint)
        kind = http.client.HTTPSConnection if url.scheme == 'https' else http.client.HTTPConnection
        self.host, self.region, self.bucket = url.netloc, region, bucket
        self.connection = kind(url.hostname, url.port, timeout=60)
        self.access = os.environ['WEIR_S3_ACCESS_KEY']
        self.secret = os.environ['WEIR_S3_SECRET_KEY']

    def ask(self, method, key='', query=None, body=b'', headers=None):
        """Returns the answer and its body. Whatever is no 2xx ends the program."""
        path = urllib.parse.quote('/' + self.bucket + ('/' + key if key else ''), safe='/-_.~')
        pairs = sorted((query or {}).items())
        text = '&'.join('%s=%s' % (quoted(name), quoted(value)) for name, value in pairs)
        signed = self.sign(method, path, text, body, headers or {})
        self.connection.request(method, path + ('?' + text if text else ''), body=body, headers=signed)
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status // 100 != 2:
            sys.exit('%s %s: %d %s' % (method, path, answer.status, content[:600].decode('utf-8', 'replace')))
        return answer, content

    def sign(self, method, path, query, body, headers):
        now = datetime.datetime.now(datetime.timezone.utc)
        stamp, day = now.strftime('%Y%m%dT%H%M%SZ'), now.strftime('%Y%m%d')
        digest = hashlib.sha256(body).hexdigest()
        every = {name.lower(): value for name, value in headers.items()}
        every.update({'host': self.host, 'x-amz-content-sha256': digest, 'x-amz-date': stamp})
        names = sorted(every)
        request = [method, path, query, *('%s:%s' % (name, every[name].strip()) for name in names), '']
        request = '\n'.join(request + [';'.join(names), digest])
        scope = '%s/%s/s3/aws4_request' % (day, self.region)
        text = '\n'.join(['AWS4-HMAC-SHA256', stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
        key = ('AWS4' + self.secret).encode()
        for part in [day, self.region, 's3', 'aws4_request', text]:
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        credential = '%s/%s' % (self.access, scope)
        every['authorization'] = 'AWS4-HMAC-SHA256 Credential=%s, SignedHeaders=%s, Signature=%s' % (
            credential, ';'.join(names), key.hex())
        return every

    def list(self, prefix):
        """Yields key and stored bytes of every object below the prefix."""
        query = {'list-type': '2', 'prefix': prefix}
        while True:
            root = ElementTree.fromstring(self.ask('GET', query=query)[1])
            space = root.tag[:root.tag.index('}') + 1] if root.tag.startswith('{') else ''
            for entry in root.iter(space + 'Contents'):
                yield entry.findtext(space + 'Key'), int(entry.findtext(space + 'Size'))
            if root.findtext(space + 'IsTruncated') != 'true':
                return
            query['continuation-token'] = root.findtext(space + 'NextContinuationToken')


def quoted(text):
    return urllib.parse.quote(text, safe='-_.~')


def judge(key, stored, answer):
    """Returns what is in an object. Whatever is not as it should be ends the program."""
    raw = stored
    if key.endswith('.gz'):
        if stored[:2] != b'\x1f\x8b':
            sys.exit('%s is not gzip.' % key)
        try:
            raw = gzip.decompress(stored)
        except Exception as error:
            sys.exit('%s cannot be inflated: %s' % (key, error))
    # Others hold what they like, as what probes write.
    is_ndjson = '.ndjson' in key
    if is_ndjson and raw and not raw.endswith(b'\n'):
        sys.exit('%s does not end with a line feed.' % key)
    lines = raw.decode('utf-8').split('\n')[:-1] if is_ndjson else []
    for number, line in enumerate(lines, 1):
        try:
            json.loads(line)
        except ValueError as error:
            sys.exit('%s, line %d is not JSON: %s: %.200s' % (key, number, error, line))
    headers = {name.lower(): value for name, value in answer.getheaders()}
    mark = 'x-amz-meta-'
    return {
        'key': key,
        'storedBytes': len(stored),
        'storedHead': stored[:10].hex(),
        'rawBytes': len(raw),
        'sha256': hashlib.sha256(raw).hexdigest(),
        'count': len(lines),
        'contentType': headers.get('content-type', ''),
        'metadata': {name[len(mark):]: value for name, value in headers.items() if name.startswith(mark)},
        'lines': lines,
    }


def tell(fields):
    sys.stdout.write(json.dumps(fields) + '\n')


def main(command, endpoint, region, bucket, argument=''):
    store = Store(endpoint, region, bucket)
    if command == 'list':
        for key, size in store.list(argument):
            tell({'key': key, 'storedBytes': size})
    elif command == 'read':
        for key, size in list(store.list(argument)):
            answer, stored = store.ask('GET', key)
            if len(stored) != size:
                sys.exit('%s has %d bytes, and %d in the list.' % (key, len(stored), size))
            tell(judge(key, stored, answer))
    elif command == 'make':
        if bucket not in names_of_buckets(endpoint, region):
            store.ask('PUT')
    elif command == 'put':
        metadata = json.loads(os.environ.get('WEIR_S3_METADATA', '{}'))
        store.ask('PUT', argument, body=sys.stdin.buffer.read(), headers={'x-amz-meta-' + k: v for k, v in metadata.items()})
    elif command == 'delete':
        store.ask('DELETE', argument)
    else:
        sys.exit('unknown command ' + command)


def names_of_buckets(endpoint, region):
    root = ElementTree.fromstring(Store(endpoint, region, '').ask('GET')[1])
    return [element.text for element in root.iter() if element.tag.endswith('Name')]


main(*sys.argv[1:])
