"""Reads a GraphML file in networkx and igraph and compares what they see with what stands in it: the last step of check_graphml.py."""
import collections, math, time


def same(x, y):
    if isinstance(x, bool) or isinstance(y, bool):
        return bool(x) == bool(y)
    if isinstance(x, (int, float)) and isinstance(y, (int, float)):
        x, y = float(x), float(y)
        return x == y or (math.isnan(x) and math.isnan(y)) or abs(x - y) <= 1e-12 * max(abs(x), abs(y))
    return x == y


def read_back(path, a, R, S, keys, nodes, edges):
    import warnings
    want_n = {}
    for i, d in nodes:
        want_n.setdefault(i, {}).update(d)
    ends = {x for s, t, _, _ in edges for x in (s, t)}
    want_nodes = len(want_n) + len(ends - set(want_n))
    want_edges = collections.Counter()
    for s, t, _, d in edges:
        k = (s, t) if S['directed'] or s <= t else (t, s)
        want_edges[k, round(float(d.get('weight', 1.0)) if isinstance(d.get('weight', 1.0), (int, float)) else 1.0, 9)] += 1
    S['readers'] = {}

    def compare(name, got_n, got_edges, nn, ne, secs, warns):
        S['readers'][name] = dict(nodes=nn, edges=ne, seconds=round(secs, 2), warnings=warns[:3])
        if nn != want_nodes or ne != len(edges):
            R.add('E71', f'{name}: {nn} nodes {ne} edges, file has {want_nodes} / {len(edges)}')
        bad = 0
        for i, d in want_n.items():
            g = got_n.get(i)
            if g is None:
                bad += 1
                R.add('E71', f'{name}: node {i!r} not there') if bad <= 3 else None
                continue
            for k, v in d.items():
                if k == 'id':
                    continue
                if k not in g or not same(v, g[k]):
                    if isinstance(v, int) and abs(v) > 2 ** 53 and name == 'igraph':
                        continue
                    bad += 1
                    if bad <= 3:
                        R.add('E71', f'{name}: node {i!r} {k}: file {v!r}, reader {g.get(k)!r}')
        if got_edges is not None and got_edges != want_edges:
            R.add('E71', f'{name}: edges (ends, weight) differ: {list((want_edges - got_edges).items())[:2]} vs {list((got_edges - want_edges).items())[:2]}')

    mb = S['bytes'] / 1e6
    if mb > a.nx_limit:
        R.add('I70', f'networkx ({mb:.0f} MB > {a.nx_limit} MB)')
    else:
        t0 = time.time()
        try:
            import networkx as nx
            with warnings.catch_warnings(record=True) as w:
                warnings.simplefilter('always')
                G = nx.read_graphml(path)
            ge = collections.Counter()
            for s, t, d in G.edges(data=True):
                k = (s, t) if G.is_directed() or s <= t else (t, s)
                x = d.get('weight', 1.0)
                ge[k, round(float(x) if isinstance(x, (int, float)) else 1.0, 9)] += 1
            compare('networkx', dict(G.nodes(data=True)), ge, G.number_of_nodes(), G.number_of_edges(), time.time() - t0, [str(x.message) for x in w])
        except ImportError:
            R.add('I70', 'networkx not installed')
        except Exception as x:
            R.add('E70', f'networkx: {type(x).__name__}: {x}')
    t0 = time.time()
    try:
        import igraph as ig
        with warnings.catch_warnings(record=True) as w:
            warnings.simplefilter('always')
            g = ig.Graph.Read_GraphML(path)
        names = [x for x in g.vs.attributes() if x != 'id']
        cols = {x: g.vs[x] for x in names}
        ids = g.vs['id'] if g.vcount() else []
        got = {i: {x: cols[x][j] for x in names} for j, i in enumerate(ids)}
        ge = collections.Counter()
        ws = g.es['weight'] if 'weight' in g.es.attributes() else [1.0] * g.ecount()
        for (u, v), x in zip(g.get_edgelist(), ws):
            s, t = ids[u], ids[v]
            k = (s, t) if g.is_directed() or s <= t else (t, s)
            ge[k, 1.0 if isinstance(x, str) or x != x else round(float(x), 9)] += 1
        shadow = any(k['name'] == 'id' and k['for'] == 'node' for k in keys.values())
        compare('igraph', got if not shadow else {i: d for i, d in want_n.items()}, None if shadow else ge, g.vcount(), g.ecount(), time.time() - t0, [str(x.message) for x in w])
    except ImportError:
        R.add('I70', 'igraph not installed')
    except Exception as x:
        R.add('E70', f'igraph: {type(x).__name__}: {x}')
