"""Reads pages of bitx-bench report as a browser would, and holds them against the JSON.
usage: report_check.py FOLDER     with old.json, new.json and the pages that bench_report.sh made
"""
import html.parser
import json
import math
import os
import re
import sys

VOID = {'meta', 'link', 'br', 'img', 'hr', 'input'}
OPTIONAL = {'td', 'th', 'tr', 'li', 'p'}  # whose end tags HTML lets go
OUTSIDE = re.compile(r'(?:https?:)?//|@import|url\(', re.I)


class Page(html.parser.HTMLParser):
    """Tables as rows of cells, figures as caption, view box, marks and texts; refuses what is not
    well-formed, and anything that could load or run something."""

    def __init__(self, path):
        super().__init__(convert_charrefs=True)
        self.stack, self.tables, self.figures, self.ids, self.links = [], {}, [], set(), []
        self.rows = self.cell = self.summary = self.tip = None
        self.text = open(path).read()
        self.feed(self.text)
        self.close()
        assert not self.stack, self.stack
        assert self.text.count('</tbody></table>') == self.text.count('<table')

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        assert tag not in ('script', 'iframe', 'object', 'embed', 'img', 'audio', 'video', 'form'), tag
        for key, value in attrs.items():
            assert not key.startswith('on'), key
            assert key != 'src' and not OUTSIDE.search(value or ''), (tag, key, value)
            assert 'nan' not in re.split(r'[^a-z]+', value or '') or key == 'class', (tag, key, value)
            assert 'inf' not in re.split(r'[^a-z]+', value or ''), (tag, key, value)
        if 'id' in attrs:
            assert attrs['id'] not in self.ids
            self.ids.add(attrs['id'])
        if tag == 'a':
            self.links.append(attrs['href'])
        elif tag == 'link':
            assert attrs['href'] == 'data:,'
        if tag == 'tr' and self.rows is not None:
            self.rows.append([])
        elif tag in ('td', 'th') and self.rows:
            self.rows[-1].append('')
        elif tag == 'table':
            self.rows = []
        elif tag == 'summary':
            self.summary = ''
        elif tag == 'figure':
            self.figures.append({'caption': '', 'marks': [], 'texts': [], 'paths': []})
        elif tag == 'svg' and 'figure' in self.stack:
            self.figures[-1]['box'] = [float(x) for x in attrs['viewbox'].split()]
            assert attrs['role'] == 'img' and attrs['aria-label']
        elif 'svg' in self.stack and 'figure' in self.stack:
            self.shape(tag, attrs)
        if tag not in VOID and tag not in OPTIONAL:
            self.stack.append(tag)

    def shape(self, tag, attrs):
        figure, classes = self.figures[-1], (attrs.get('class') or '').split()
        if tag == 'text':
            figure['texts'].append([float(attrs['x']), float(attrs['y']),
                                    attrs.get('text-anchor', 'start'), classes, ''])
        elif tag == 'title':
            self.tip = ''
        elif tag == 'circle':
            figure['marks'].append([float(attrs['cx']), float(attrs['cy']), classes, ''])
        elif tag == 'path':
            numbers = [float(x) for x in re.findall(r'-?[\d.]+', attrs['d'])]
            if 'm' in classes:
                figure['marks'].append([numbers[0], None, classes, ''])
            figure['paths'].append((classes, attrs['d']))
        elif tag == 'rect':
            x, y, w, h = (float(attrs[k]) for k in ('x', 'y', 'width', 'height'))
            box = figure['box']
            assert w >= 0 and h >= 0 and x >= -1 and x + w <= box[2] + 1, attrs
            assert y >= -1 and y + h <= box[3] + 1, attrs
            if 'm' in classes or 'style' in attrs:
                figure['marks'].append([x + w / 2, y, classes, '', attrs.get('style') or ''])

    def handle_endtag(self, tag):
        if tag == 'table':
            name = self.summary or 'table %d' % len(self.tables)
            self.tables.setdefault(name, []).extend(self.rows)
            self.rows = None
        if tag == 'details':
            self.summary = None
        if tag == 'title' and self.tip is not None:
            if self.figures[-1]['marks']:
                self.figures[-1]['marks'][-1][3] = self.tip
            self.tip = None
        if tag not in OPTIONAL:
            assert self.stack and self.stack[-1] == tag, (tag, self.stack[-3:], self.getpos())
            self.stack.pop()

    def handle_data(self, data):
        if self.tip is not None:
            self.tip += data
        elif self.stack and self.stack[-1] == 'figcaption':
            self.figures[-1]['caption'] += data
        elif self.stack and self.stack[-1] == 'text' and 'figure' in self.stack:
            self.figures[-1]['texts'][-1][4] += data
        elif self.stack and self.stack[-1] == 'summary':
            self.summary += data
        elif self.rows and self.rows[-1]:
            self.rows[-1][-1] += data

    def table(self, start):
        found = [t for name, t in self.tables.items() if name.startswith('Table: ' + start)]
        assert len(found) == 1, (start, list(self.tables))
        heads = [h.strip() for h in found[0][0]]
        rows = [dict(zip(heads, [c.strip() for c in row])) for row in found[0][1:]]
        assert rows and all(len(r) == len(heads) for r in found[0])
        return rows


def check_inside(page):
    """No word and no mark is cut off by its chart's edge, and no two words of marks overlap."""
    for figure in page.figures:
        width, height = figure['box'][2:]
        boxes = []
        for x, y, anchor, classes, text in figure['texts']:
            w = len(text) * (11 if set(classes) & {'t', 'l'} else 12) * .57
            left = x - {'start': 0, 'middle': w / 2, 'end': w}[anchor]
            assert left >= -6 and left + w <= width + 8, (figure['caption'], text, left, w)
            assert 8 <= y <= height, (figure['caption'], text, y)
            if 'h' in classes and 'l' in classes and 'of' in figure['caption']:
                boxes.append((left, y - 9, left + w, y + 1, text))
        for i, a in enumerate(boxes):
            for b in boxes[:i]:
                assert a[0] >= b[2] or b[0] >= a[2] or a[1] >= b[3] or b[1] >= a[3], (a, b)
        for x, y, *_ in figure['marks']:
            assert -1 <= x <= width + 1 and (y is None or -1 <= y <= height + 1), figure['caption']


def medians(path):
    top = json.load(open(path))
    return top, {b['run_name']: b for b in top['benchmarks']}


def close(text, value, digits):
    assert abs(float(text) - value) <= .500001 * 10 ** -digits, (text, value)


def check_codecs(page, runs):
    """The table is the JSON's, the front is what a plain definition says, marks are in order."""
    rows = page.table('coders on s2e-4')
    named = {n: b for n, b in runs.items() if n.startswith('codec/') and '/s2e-4/' in n}
    assert len(rows) == len(named)
    for row in rows:
        b = named['codec/%s/s2e-4/%s' % (row['coder'], row['direction'])]
        close(row['ratio'], b['bitx_ratio'], 4)
        close(row['GB/s'], b['bytes_per_second'] / 1e9, 3)
        low, high = row['95% interval'].split('\u2013')
        close(low, b['bytes_per_second'] / 1e9 * b['cpu_time'] / b['bitx_cpu_high'], 3)
        close(high, b['bytes_per_second'] / 1e9 * b['cpu_time'] / b['bitx_cpu_low'], 3)
        assert row['verdict'] == b['label']
        others = [o for n, o in named.items()
                  if n.endswith(row['direction']) and o['bitx_ratio'] < 1 and o is not b]
        front = b['bitx_ratio'] < 1 and not any(
            o['bytes_per_second'] >= b['bytes_per_second'] and o['bitx_ratio'] <= b['bitx_ratio']
            for o in others)
        assert (row[''] == 'front') == front, row
    figure, = [f for f in page.figures if f['caption'] == 'Encoding of s2e-4']
    marks = {re.match(r'(\S+): ratio', m[3])[1]: m for m in figure['marks']}
    assert len(marks) == len(figure['marks']) == len(named) // 2
    encode = {n.split('/')[1]: b for n, b in named.items() if n.endswith('encode')}
    # A logarithmic axis: x is linear in the logarithm of the speed.
    a, z = marks['fm-delta'], marks['memcpy']
    for coder, mark in marks.items():
        t = (math.log(encode[coder]['bytes_per_second'] / encode['fm-delta']['bytes_per_second']) /
             math.log(encode['memcpy']['bytes_per_second'] / encode['fm-delta']['bytes_per_second']))
        assert abs(mark[0] - (a[0] + t * (z[0] - a[0]))) < 6, coder
        assert ('o' in mark[2]) == (encode[coder]['label'] != 'stable')
    circles = sorted((m[1], encode[c]['bitx_ratio']) for c, m in marks.items() if m[1] is not None)
    assert len(circles) > 3 and [r for _, r in circles] == sorted((r for _, r in circles), reverse=True)
    assert len([p for p in figure['paths'] if p[0] == ['f']]) == 1


def check_others(page, top, runs):
    kernels = page.table('kernels')
    assert len(kernels) == sum(n.startswith('kernel/') for n in runs)
    for row in kernels:
        b = runs['kernel/%s/%s/%s' % (row['operation'], row['ISA'], row['set'])]
        close(row['roofline'], b['bitx_roofline'], 2)
    panels = [f for f in page.figures if f['caption'] in ('L1 size', 'L2 size', 'L3 size', 'DRAM')]
    assert len(panels) == 8 and sum(len(f['marks']) for f in panels) == 2 * len(kernels)
    numa = page.table('memory nodes')
    assert len(numa) == sum(n.startswith('numa/') for n in runs) == 60
    for row in numa:
        b = runs['numa/%s/cpu%s/mem%s/%s' % (row['loop'], row['CPU node'], row['memory node'],
                                             row['pages'])]
        close(row['GB/s'], b['bytes_per_second'] / 1e9, 2)
    matrix, = [f for f in page.figures if f['caption'] == 'read, GB/s, huge pages']
    cells = [t[4] for t in matrix['texts'] if 'b' in t[3]]
    assert cells == ['%.1f' % (runs['numa/read/cpu%d/mem%d/huge' % (i, j)]['bytes_per_second'] / 1e9)
                     for i in range(4) for j in range(4) if (i, j) != (3, 1)]
    assert [t[4] for t in matrix['texts']].count('n/a') == 1
    # The CPU node goes down, the memory node to the right.
    places = {tuple(map(int, re.findall(r'node (\d+)', m[3]))): m for m in matrix['marks']}
    assert len(places) == 15
    for (i, j), m in places.items():
        assert abs(m[0] - places[0, j][0]) < .1 and abs(m[1] - places[i, 0][1]) < .1
    assert places[0, 1][0] > places[0, 0][0] and places[1, 0][1] > places[0, 0][1]
    # The better the stronger: of latencies the least.
    latencies, = [f for f in page.figures if f['caption'].startswith('latency') and 'huge' in f['caption']]
    shades = [(float(re.search(r'memory node \d+: ([\d.]+)', m[3])[1]), float(m[4].split('opacity:')[1]))
              for m in latencies['marks']]
    assert [a for _, a in sorted(shades)] == sorted((a for _, a in shades), reverse=True)
    assert len({a for _, a in shades}) > 1
    scale = page.table('threads')
    one = runs['scale/xor_split_bf16/compact/threads:1']['bytes_per_second']
    for row in scale:
        b = runs['scale/xor_split_bf16/%s/threads:%s' % (row['placement'], row['threads'])]
        close(row['speedup'], b['bytes_per_second'] / one, 2)
    assert len(scale) == 19 and len(page.table('traffic')) == 8
    bits = page.table('bits')
    for row in bits:
        data, = [x for x in top['bitx_bits'] if x['data'] == row['data']]
        assert abs(float(row['%']) - 100 * data['bit_changed'][int(row['bit'])]) < 1e-3
    assert len(bits) == 48
    assert [r['field'] for r in bits[:16]] == ['sign'] + ['exponent'] * 8 + ['mantissa'] * 7
    charts = [f for f in page.figures if 'of the weights changed' in f['caption']]
    assert [len(f['marks']) for f in charts] == [16, 32]
    for chart in charts:
        order = [re.match(r'bit (\d+):', m[3])[1] for m in sorted(chart['marks'])]
        data, = [d for d in top['bitx_bits'] if chart['caption'].startswith(d['data'] + ',')]
        shares = [100 * x for x in data['bit_changed']]
        for _, y, _, tip, *_ in chart['marks']:
            bit, share = re.match(r'bit (\d+): ([\d.e-]+)%', tip).groups()
            assert abs(float(share) - shares[int(bit)]) <= 1e-3 * shares[int(bit)] + 1e-9, tip
        tops = [(shares[int(re.match(r'bit (\d+)', m[3])[1])], m[1]) for m in chart['marks']]
        assert [y for _, y in sorted(tops)] == sorted((y for _, y in tops), reverse=True)
        words = [t[4] for t in sorted(chart['texts'])]
        assert order == [str(i) for i in reversed(range(len(order)))]
        assert words.index('sign') < words.index('exponent') < words.index('mantissa')
    other, = page.table('results without a chart')
    assert other['result'] == 'store/add/fine-tune/threads:2'
    absent, = page.table('cases without a number')
    assert absent['reason'] == 'pages lie on another node'


def main(folder):
    top, old = medians(folder + '/old.json')
    _, new = medians(folder + '/new.json')
    pages = {}
    for name in 'one', 'two', 'named', 'hostile', 'some':
        path = '%s/%s.html' % (folder, name)
        assert os.path.getsize(path) < 1000000
        pages[name] = page = Page(path)
        assert page.links and all(link[0] == '#' and link[1:] in page.ids for link in page.links)
        assert 'prefers-color-scheme:dark' in page.text and '@media print' in page.text
    for name in 'one', 'two', 'named':
        check_inside(pages[name])
    check_codecs(pages['one'], old)
    check_others(pages['one'], top, old)
    for name in 'Made CPU', 'lab-7', 'aaaaaaaaaa', 'gcc 12.2.0', '3.6 GHz':
        assert name in pages['one'].text, name
    rows = pages['two'].table('coders on s2e-4')
    assert len(rows) == 80
    delta = [r for r in rows if r['coder'] == 'bitx:delta' and r['direction'] == 'encode']
    assert [r['run'] for r in delta] == ['aaaaaaaaaa', 'bbbbbbbbbb']
    key = 'codec/bitx:delta/s2e-4/encode'
    close(delta[0]["speed / first run's"], 1, 3)
    close(delta[1]["speed / first run's"], old[key]['cpu_time'] / new[key]['cpu_time'], 3)
    change, = [f for f in pages['two'].figures if 'against' in f['caption']]
    assert len(change['marks']) == len(set(old) & set(new))
    assert {r['run'] for r in pages['named'].table('kernels')} == {'before', 'after'}
    assert '<h1>Lab &lt;7&gt;</h1>' in pages['named'].text
    hostile = pages['hostile']
    assert '&lt;script&gt;' in hostile.text and 'Not on this page' in hostile.text
    assert {'zero', 'one'} <= {r['coder'] for r in hostile.table('coders on d')}
    assert 'folder.json' not in pages['one'].text and 'earlier file' in pages['some'].text
    print('pages checked')


main(sys.argv[1])
