// ../../../../../work/main/admin/dashboard/node_modules/preact/dist/preact.mjs
var e, t, n, r, i, a, o, s, c, l, u = Symbol.for("pv"), d = {}, f = [], p = /^m(i|n|o|s|text|space)$/, m = Array.isArray, h = f.slice, g = Object.assign;
function _(e) {
	e && e.parentNode && e.remove();
}
function v(n, r, i, a, o) {
	var s = {
		type: n,
		props: r,
		key: i,
		ref: a,
		__k: null,
		__: null,
		__b: 0,
		__e: null,
		__c: null,
		constructor: u,
		__v: o || ++t,
		__i: -1,
		__u: 0
	};
	return !o && e.vnode && e.vnode(s), s;
}
function y(e) {
	return e.children;
}
function b(e, t) {
	this.props = e, this.context = t, this.__g = 0;
}
function x(e, t) {
	if (t == null) return e.__ && x(e.__, e.__i + 1);
	for (var n; t < e.__k.length; t++) if ((n = e.__k[t]) && n.__e) return n.__e;
	return typeof e.type != "function" || e.props.__P ? null : x(e);
}
function S(t) {
	var n, r = t.__v, i = r.__e, a = [], o = [], s = t.__P;
	s && ((n = g({ constructor: u }, r)).__v = r.__v + 1, e.vnode && e.vnode(n), j(s, n, r, t.__n, s.namespaceURI, 32 & r.__u ? [i] : null, a, i || x(r), 32 & r.__u, o), n.__v = r.__v, n.__.__k[n.__i] = n, N(a, n, o), r.__ = r.__e = null, n.__e != i && C(n));
}
function C(e) {
	if ((e = e.__) && e.__c && !e.props.__P) return e.__e = null, e.__k.some(function(t) {
		return t && (e.__e = t.__e);
	}), C(e);
}
function w(t) {
	(8 & t.__g || (t.__g |= 8, n.push(t), i++)) && r == e.debounceRendering || ((r = e.debounceRendering) || queueMicrotask)(T);
}
function T() {
	try {
		for (var e, t = 1; n.length;) n.length > t && n.sort(a), e = n.shift(), t = n.length, 8 & e.__g && S(e);
	} finally {
		(i = n.length) && (r || queueMicrotask)(T);
	}
}
function ee(e, t, n, r, i, a, o, s, c, l, u) {
	var p, m, h, g, _, v, y = r.__k || f, b = t.length;
	for (c = E(n, t, y, c, b), p = 0; p < b; p++) (h = n.__k[p]) != null && (m = ~h.__i && y[h.__i] || d, h.__i = p, v = j(e, h, m, i, a, o, s, c, l, u), g = h.__e, (m.ref != h.ref || 8 & m.__u) && (m.ref && P(m.ref, null, h, m), h.ref && u.push(h.ref, h.__c || g, h)), _ ||= g, 4 & h.__u ? (c = D(h, c, e, !m.__v), m.__e && (m.__e = null)) : typeof h.type == "function" && v !== void 0 ? c = v : g && (c = g.nextSibling), h.__u &= -21);
	return n.__e = _, c;
}
function E(e, t, n, r, i) {
	var a, o, s, c, l, d, f, p, h, g = n.length, _ = g, b = 0, S = 0, C = e.__k = Array(i);
	for (a = 0; a < i; a++) (o = t[a]) != null && typeof o != "boolean" && typeof o != "function" ? (typeof o != "object" || o.constructor === String ? o = C[a] = v(null, o) : m(o) ? o = C[a] = v(y, { children: o }) : o.constructor === u && o.__b ? o = C[a] = v(o.type, o.props, o.key, o.ref, o.__v) : C[a] = o, c = a + b, o.__ = e, o.__b = e.__b + 1, s = null, ~(l = o.__i = O(o, n, c, _)) && (_--, (s = n[l]) && (s.__u |= 2)), s && s.__v ? (o.__u |= 16, l == c - 1 ? b-- : l == c + 1 ? b++ : l != c && (l > c ? b-- : b++, S = 1)) : (~l || (i > g ? b-- : i < g && b++), typeof o.type != "function" && (o.__u |= 4))) : C[a] = null;
	if (S) {
		for (d = [], f = [], a = 0; a < i; a++) if ((o = C[a]) && 16 & o.__u) {
			for (b = 0, p = d.length; b < p;) d[h = b + p >> 1] < o.__i ? b = h + 1 : p = h;
			d[b] = o.__i, f[a] = b + 1;
		}
		for (b = d.length; a--;) f[a] && (f[a] == b ? b-- : C[a].__u |= 4);
	}
	if (_) for (a = 0; a < g; a++) !(s = n[a]) || 2 & s.__u || (s.__e == r && (r = x(s)), F(s, s));
	return r;
}
function D(e, t, n, r) {
	var i, a, o, s;
	if (typeof e.type == "function") {
		if (e.props.__P) return t;
		if (i = e.__k) for (a = 0; a < i.length; a++) i[a] && (i[a].__ = e, t = D(i[a], t, n, !1));
		return t;
	}
	for (t && !t.parentNode && (t = x(e)) && !t.parentNode && (t = null), o = e.__e, s = t; s && s.nodeType == 8;) s = s.nextSibling;
	for (o != s && (!r && n.moveBefore && o.parentNode ? n.moveBefore(o, t) : n.insertBefore(o, t || null)), t = o; (t &&= t.nextSibling) && t.nodeType == 8 && !t.data.startsWith("$s"););
	return t;
}
function O(e, t, n, r) {
	var i, a = e.key, o = e.type, s = t[n], c = s && !(2 & s.__u);
	if (s === null && a == null || c && a == s.key && o == s.type) return n;
	if (r > +!!c) {
		for (i = n - 1; i >= 0; i--) if ((s = t[i]) && !(2 & s.__u) && a == s.key && o == s.type) return i;
		for (i = n + 1; i < t.length; i++) if ((s = t[i]) && !(2 & s.__u) && a == s.key && o == s.type) return i;
	}
	return -1;
}
function k(e, t, n) {
	n ??= "", t[0] == "-" ? e.setProperty(t, n) : e[t] = n;
}
function A(e, t, n, r, i) {
	var a, o;
	if (t == "style") {
		if (typeof n == "string") e.style.cssText = n;
		else {
			if (typeof r == "string" && (e.style.cssText = r = ""), r) for (t in r) n && t in n || k(e.style, t);
			if (n) for (t in n) r && n[t] == r[t] || k(e.style, t, n[t]);
		}
	} else if (t[0] == "o" && t[1] == "n") typeof n != "function" && (n = null), typeof r != "function" && (r = null), (e.__e ||= {})[t] = n, n && r || (o = l[t] || (l[t] = te(t)), (e.__a ||= {})[t] = c, a = t != (t = t.replace(s, "$1")), (t = t.slice(2))[0] < "a" && (t = t.toLowerCase()), n ? e.addEventListener(t, o, a) : e.removeEventListener(t, o, a));
	else {
		if (i == "http://www.w3.org/2000/svg") t = t.replace(/xlink(H|:h)/, "h").replace(/sName$/, "s");
		else if (t != "width" && t != "height" && t != "href" && t != "list" && t != "form" && t != "tabIndex" && t != "download" && t != "rowSpan" && t != "colSpan" && t != "role" && t != "popover" && t in e) try {
			e[t] = n ?? "";
			return;
		} catch {}
		if (typeof n == "function") return;
		n == null || !1 === n && t[4] != "-" ? e.removeAttribute(t) : e.setAttribute(t, t == "popover" && n == 1 ? "" : n);
	}
}
function te(t) {
	return function(n) {
		var r = this.__e;
		if (r) {
			if (r = r[t], n[o] == null) n[o] = c++;
			else if (n[o] < this.__a[t]) return;
			return r(e.event ? e.event(n) : n);
		}
	};
}
function j(t, n, r, i, a, o, s, c, l, d) {
	var p, h, v, S, C, w, T, E, D, O, k, A, te, j, N, P, I, L, R = n.type;
	if (n.constructor !== u) return null;
	128 & r.__u && (l = 32 & r.__u, p = r.__c.__z) && (n.__u |= l, h = o = [], p.nodeType == 8 ? c = M(p, o) : o.push(p), c = o[0] || c), (p = e.__b) && p(n);
	n: if (typeof R == "function") {
		v = s.length;
		try {
			if (E = n.props, D = (p = R.prototype) && p.render, O = (p = R.contextType) && i[p.__c], k = p ? O ? O.props.value : p.__ : i, (S = r.__c) ? (n.__c = S, 2 & S.__g && (S.__g |= 1)) : (D ? n.__c = S = new R(E, k) : (n.__c = S = new b(E, k), S.constructor = R, S.render = ie), O && O.sub(S), S.state || (S.state = {}), S.__n = i, S.__g |= 8, S.__h = [], S.__k = []), D && (S.__s || (S.__s = S.state), R.getDerivedStateFromProps && (S.__s == S.state && (S.__s = g({}, S.__s)), g(S.__s, R.getDerivedStateFromProps(E, S.__s)))), C = S.props, w = S.state, S.__v = n, r.__c) {
				if (E !== C && D && !R.getDerivedStateFromProps && S.componentWillReceiveProps && S.componentWillReceiveProps(E, k), n.__v == r.__v && !(8 & S.__g) || !(4 & S.__g) && S.shouldComponentUpdate && !1 === S.shouldComponentUpdate(E, S.__s, k)) {
					n.__v != r.__v && (S.props = E, S.state = S.__s, S.__g &= -9), n.__e = r.__e, n.__k = r.__k, n.__k.some(function(e) {
						e && (e.__ = n);
					}), f.push.apply(S.__h, S.__k), S.__k = [], S.__h.length && s.push(S), c = x(r);
					break n;
				}
				S.componentWillUpdate && S.componentWillUpdate(E, S.__s, k), D && S.componentDidUpdate && S.__h.push(function() {
					S.componentDidUpdate(C, w, T);
				});
			} else D && !R.getDerivedStateFromProps && S.componentWillMount && S.componentWillMount(), D && S.componentDidMount && S.__h.push(S.componentDidMount);
			S.context = k, S.props = E, S.__P = t, S.__g &= -5, A = e.__r, te = D ? 25 : 0;
			do
				S.__g &= -9, A && A(n), p = S.render(S.props, S.state = S.__s, S.context);
			while (8 & S.__g && ++te < 25);
			D && (f.push.apply(S.__h, S.__k), S.__k = []), S.state = S.__s, S.getChildContext && (i = g({}, i, S.getChildContext())), D && r.__c && S.getSnapshotBeforeUpdate && (T = S.getSnapshotBeforeUpdate(C, w)), j = p && p.type === y && p.key == null ? p.props.children : p, E.__P && (p = c, a = (t = E.__P).namespaceURI, l = o = null, r.props && r.props.__P != t && (r.__k.some(function(e) {
				e && F(e, e);
			}), r.__k = null), c = r.__k ? x(r, 0) : null), c = ee(t, m(j) ? j : [j], n, r, i, a, o, s, c, l, d), E.__P && (n.__e = null, c = p), n.__u &= -161, h && h.some(_), S.__h.length && s.push(S), 1 & S.__g && (S.__g &= -4);
		} catch (t) {
			if (s.length = v, n.__v = null, l || o) {
				if (t && t.then) {
					if (n.__u |= 128 | l, o) {
						for (~(I = o.indexOf(c || void 0)) || (I = o.length); (L = o[I - 1]) && L.nodeType == 8;) I--;
						for (; I < o.length; I++) if (L = o[I]) {
							if (o[I] = null, N) {
								if (L == P) break;
							} else {
								if (L.nodeType != 8) break;
								L.data.startsWith("$s") && (P = M(N = L));
							}
						}
					}
					if (!N) {
						for (; c && c.nodeType == 8 && c.nextSibling;) c = c.nextSibling;
						N = c;
					}
					(p = M(N = n.__c.__z || (n.__c.__z = N))) ? (n.__e = N, c = p) : n.__e = c, c &&= c.nextSibling;
				} else o && o.some(_);
			} else n.__e = r.__e;
			n.__k ||= r.__k || [], t && t.then || ne(n), e.__e(t, n, r);
		}
	} else c = n.__e = re(r.__e, n, r, i, a, o, s, l, d, t);
	return (p = e.diffed) && p(n), c;
}
function M(e, t) {
	if (e && e.nodeType == 8 && e.data.startsWith("$s")) for (var n = 1; e = e.nextSibling;) {
		if (e.nodeType == 8) {
			if (e.data.startsWith("$s")) n++;
			else if (e.data.startsWith("/$s") && !--n) return e;
		}
		t && t.push(e);
	}
}
function ne(e) {
	e && (e.__c && (e.__c.__g |= 4), e.__k && e.__k.some(ne));
}
function N(t, n, r) {
	for (var i = 0; i < r.length;) P(r[i++], r[i++], r[i++]);
	e.__c && e.__c(n, t), t.some(function(n) {
		try {
			t = n.__h, n.__h = [], t.some(function(e) {
				e.call(n);
			});
		} catch (t) {
			e.__e(t, n.__v);
		}
	});
}
function re(t, n, r, i, a, o, s, c, l, u) {
	var f, g, v, y, b, S, C, w, T = r.props || d, E = n.props, D = n.type;
	if (D == "svg" ? a = "http://www.w3.org/2000/svg" : D == "math" ? a = "http://www.w3.org/1998/Math/MathML" : a ||= "http://www.w3.org/1999/xhtml", o) {
		for (f = 0; f < o.length; f++) if ((b = o[f]) && (D ? b.localName == D : b.nodeType == 3)) {
			t = b, o[f] = null;
			break;
		}
	}
	if (!t) {
		if (w = u.ownerDocument || document, !D) return w.createTextNode(E);
		t = w.createElementNS(a, D, E.is ? E : u), c &&= (e.__m && e.__m(n, o), !1), o = null;
	}
	if (D) {
		if (u = D == "template" && t.content || t, o = D == "textarea" && E.defaultValue != null ? null : o && h.call(u.childNodes), !c && o) for (T = {}, f = 0; f < t.attributes.length; f++) T[(b = t.attributes[f]).name] = b.value;
		for (f in T) b = T[f], f == "dangerouslySetInnerHTML" ? v = b : f == "children" || f in E || f == "value" && "defaultValue" in E || f == "checked" && "defaultChecked" in E || A(t, f, null, b, a);
		for (f in E) b = E[f], f == "children" ? y = b : f == "dangerouslySetInnerHTML" ? g = b : f == "value" ? S = b : f == "checked" ? C = b : c && typeof b != "function" || T[f] === b || A(t, f, b, T[f], a);
		g ? (c || v && (g.__html == v.__html || g.__html == t.innerHTML) || (t.innerHTML = g.__html), n.__k = []) : (v && (t.textContent = ""), (D == "foreignObject" || a == "http://www.w3.org/1998/Math/MathML" && p.test(D)) && (a = "http://www.w3.org/1999/xhtml"), ee(u, m(y) ? y : [y], n, r, i, a, o, s, o ? o[0] : r.__k && x(r, 0), c, l), o && o.some(_)), c && D != "textarea" || (f = "value", D == "progress" && S == null ? t.removeAttribute(f) : S == null || S === t[f] && (D != "progress" || S) || A(t, f, S, T[f], a), f = "checked", C != null && C != t[f] && A(t, f, C, T[f], a));
	} else T === E || c && t.data == E || (t.data = E);
	return t;
}
function P(t, n, r, i) {
	try {
		typeof t == "function" ? n ? n.__x = t(n) || 1 : (i &&= i.__c || i.__e) && (n = i.__x) && (i.__x = null, typeof n == "function" ? n() : t(null)) : t.current = n;
	} catch (t) {
		e.__e(t, r);
	}
}
function F(t, n, r) {
	var i, a, o, s;
	if (e.unmount && e.unmount(t), !(i = t.ref) || i.current && i.current != t.__e || P(i, null, n, t), i = t.__c) {
		if (i.componentWillUnmount) try {
			i.componentWillUnmount();
		} catch (t) {
			e.__e(t, n);
		}
		i.__P = i.__n = null;
	}
	if (i = t.__k) for (s = 0; s < i.length; s++) i[s] && F(i[s], n, typeof t.type != "function" || r && !t.props.__P);
	!r && (i = t.__c) && (i = i.__z) && (a = M(i, o = [])) && (i == t.__e && o.some(_), _(a), _(i)), r || _(t.__e), t.__e = t.__c = t.__ = null;
}
function ie(e, t, n) {
	return this.constructor(e, n);
}
function I(t, n) {
	var r, i, a, o;
	e.__ && e.__(t, n), n.nodeType == 9 && (n = n.documentElement), i = (r = t && 32 & t.__u) ? null : n.__k, n.__k = v(y, { children: [t] }), a = [], o = [], j(n, n.__k, i || d, d, n.namespaceURI, i ? null : n.firstChild ? h.call(n.childNodes) : null, a, i ? i.__e : n.firstChild, r, o), N(a, n.__k, o), n.__k.props.children = null;
}
e = { __e: function(e, t, n, r) {
	for (var a, o, s; t = t.__;) if ((a = t.__c) && !(1 & a.__g)) {
		a.__g |= 4;
		try {
			if ((s = (o = a.constructor) && o.getDerivedStateFromError) && a.setState(o.getDerivedStateFromError(e)), a.componentDidCatch && (a.componentDidCatch(e, r || {}), s = 1), s && 8 & a.__g) return void (a.__g |= 2);
		} catch (t) {
			e = t;
		}
	}
	throw i = 0, e;
} }, t = 0, b.prototype.setState = function(e, t) {
	var n = this.__s;
	n && n != this.state || (n = this.__s = g({}, this.state)), typeof e == "function" && (e = e(g({}, n), this.props)), e && (g(n, e), this.__v && (t && this.__k.push(t), w(this)));
}, b.prototype.forceUpdate = function(e) {
	this.__v && (this.__g |= 4, e && this.__h.push(e), w(this));
}, b.prototype.render = y, n = [], i = 0, a = function(e, t) {
	return e.__v.__b - t.__v.__b;
}, o = Symbol(), s = /(PointerCapture)$|Capture$/i, c = 0, l = {};
// src/format.ts
var L;
function R(e) {
	L = e;
}
var ae = /* @__PURE__ */ new Map();
function oe(e) {
	let t = (L ?? "") + JSON.stringify(e), n = ae.get(t);
	return n || ae.set(t, n = new Intl.NumberFormat(L, e)), n;
}
var z = (e) => oe({}).format(e);
function B(e) {
	let t = Math.floor(e * 100 + 1e-9), n = oe({ style: "percent" });
	return e > 0 && t < 1 ? "<" + n.format(.01) : n.format(t / 100);
}
var se = (e) => oe({
	minimumIntegerDigits: 2,
	useGrouping: !1
}).format(e);
function V(e, t) {
	return new Intl.DateTimeFormat(L, {
		dateStyle: "long",
		timeStyle: "short",
		timeZone: t
	}).format(new Date(e));
}
function H(e, t) {
	return new Intl.DateTimeFormat(L, {
		dateStyle: "medium",
		timeZone: t
	}).format(new Date(e));
}
// src/tokens/source.ts
var U = class extends Error {};
async function ce(e, t, n) {
	let r;
	try {
		r = await fetch(e, {
			signal: n,
			credentials: t ? "omit" : "same-origin",
			cache: "no-store",
			headers: t ? { Authorization: "Bearer " + t } : {}
		});
	} catch (e) {
		throw n.aborted ? e : new U("The gateway can't be reached from this page. It may be offline, or the key may not be made for this site.");
	}
	if (r.ok) return {
		view: await r.json(),
		came: performance.now()
	};
	throw new U(le(r.status, t !== null));
}
function le(e, t) {
	return e === 401 ? t ? "The key of this view is not valid any more. Load the page again to get a new one." : "The session is over. Sign in again." : e === 403 ? t ? "The key of this view is not made for this site, or its account is suspended." : "This token may not see this account." : e === 404 ? "There is no such account." : e === 429 ? "The view was asked for too often. It tries again by itself." : `The gateway can't say how many tokens there are just now (${e}). It tries again by itself.`;
}
// src/tokens/tokens.css?inline
var ue = ":host{--s:var(--tollgate-surface,light-dark(#fff,#161a21));--l:var(--tollgate-line,light-dark(#e1e5eb,#2a303b));--i:var(--tollgate-ink,light-dark(#12161d,#eef1f6));--q:var(--tollgate-ink-soft,light-dark(#4b5565,#a9b3c3));--a:var(--tollgate-accent,light-dark(#4338ca,#8b93ff));--x:var(--tollgate-extra,light-dark(#0b7a67,#3ecfb0));--t:var(--tollgate-track,light-dark(#e9ecf2,#262c37));--w:var(--tollgate-warn,light-dark(#8a4b00,#f5b969));--wf:var(--tollgate-warn-fill,light-dark(#c76a0a,#f0a04b));--wt:var(--tollgate-warn-tint,light-dark(#fff3dc,#37270c));--b:var(--tollgate-bad,light-dark(#b01531,#ff97a3));--bt:var(--tollgate-bad-tint,light-dark(#ffe9ec,#3f1620));--r:var(--tollgate-radius,12px);color:var(--i);font-family:var(--tollgate-font,inherit);font-size:15px;line-height:1.5;display:block;container-type:inline-size}:host([theme=light]){color-scheme:light}:host([theme=dark]){color-scheme:dark}:host([hidden]){display:none}*{box-sizing:border-box;margin:0;padding:0}.view{grid-template-columns:1fr;gap:16px;display:grid}.view>[role=status]{display:contents}.part{background:var(--s);border:1px solid var(--l);border-radius:var(--r);min-width:0;padding:20px;box-shadow:0 1px 2px #1018280f}.head{justify-content:space-between;align-items:center;gap:12px;margin-bottom:8px;display:flex}h2{letter-spacing:-.01em;font-size:1.07em;font-weight:620}b,dd,.share,.figure,.countdown{font-variant-numeric:tabular-nums}.share{background:var(--t);border-radius:99px;padding:1px 10px;font-weight:600}.share.warn{background:var(--wt);color:var(--w)}.share.bad{background:var(--bt);color:var(--b)}.figure{color:var(--q);flex-wrap:wrap;align-items:baseline;gap:2px 10px;margin-bottom:16px;display:flex}.figure strong{letter-spacing:-.03em;color:var(--i);font-size:2.2em;font-weight:650;line-height:1.15}.bar{background:var(--t);border-radius:7px;height:14px;margin-bottom:12px;display:flex;overflow:hidden}.bar.thin{border-radius:4px;height:8px}.bar.over{background:0 0;border-radius:3px;height:6px;margin:-4px 0 12px}.bar.over>span{border-radius:3px;min-width:6px}.track{position:relative}.track>.even{background:var(--i);width:2px;height:22px;box-shadow:0 0 0 1.5px var(--s);border-radius:1px;margin-left:-1px;position:absolute;top:-4px}.bar>span{height:100%;display:block}.used{background:var(--a)}.used.warn{background:var(--wf)}.used.bad{background:var(--b)}.used.extra{background:var(--x)}.held{background:repeating-linear-gradient(-45deg, var(--a) 0 3px, transparent 3px 7px)}.left{background:var(--t)}.passed{background:var(--q)}.over>span,i.over{background:repeating-linear-gradient(90deg, var(--b) 0 4px, transparent 4px 6px)}.keys{color:var(--q);flex-wrap:wrap;gap:4px 20px;font-size:.93em;list-style:none;display:flex}.keys li{align-items:center;gap:8px;display:flex}.keys i{border:1px solid #0000;border-radius:4px;flex:none;width:12px;height:12px}.keys i.left,.keys i.held{border-color:var(--l)}.keys i.even{background:var(--i);border:0;border-radius:1px;width:2px;height:14px;margin:0 5px}.keys .overdraft,.overdraft b{color:var(--b)}b{color:var(--i);font-weight:600}.note{border-top:1px solid var(--l);color:var(--q);margin-top:16px;padding-top:12px;font-size:.87em}.countdown{gap:8px;margin:4px 0 16px;display:flex}.countdown span{background:var(--t);border-radius:10px;flex-direction:column;flex:1 1 0;align-items:center;max-width:84px;padding:10px 4px 8px;display:flex}.countdown b{letter-spacing:-.02em;font-size:1.6em;font-weight:650;line-height:1.1}.countdown small{color:var(--q);font-size:.73em}.when{margin-bottom:12px;font-weight:550}.when span{color:var(--q);font-weight:400}dl{gap:6px;display:grid}dl>div{justify-content:space-between;gap:16px;display:flex}dt{color:var(--q)}dd{text-align:right;font-weight:550}.notice{border-left:4px solid var(--wf);background:var(--wt);border-radius:10px;flex-direction:column;gap:2px;padding:12px 16px;display:flex}.notice.bad{border-color:var(--b);background:var(--bt)}.notice strong{color:var(--w);font-weight:620}.notice.bad strong{color:var(--b)}.hidden{clip-path:inset(50%);width:1px;height:1px;position:absolute;overflow:hidden}.bone{background:var(--t);border-radius:7px;height:14px;margin-bottom:16px}.b0{width:120px}.b1{border-radius:8px;width:55%;height:32px}.b4{width:70%;margin-bottom:0}button{font:inherit;color:inherit;cursor:pointer;background:0 0;border:1px solid;border-radius:8px;align-self:flex-start;margin-top:8px;padding:4px 12px;font-weight:550}button:focus-visible{outline:2px solid var(--a);outline-offset:2px}@container (width>=680px){.view{grid-template-columns:1fr 1fr}.view>:first-child>.notice,.part:first-of-type{grid-column:1/-1}.part{padding:24px}}@media (prefers-reduced-motion:no-preference){.bar>span{transition:width .4s cubic-bezier(.2,.7,.2,1)}.bone{animation:1.6s ease-in-out infinite alternate breathe}@keyframes breathe{to{opacity:.45}}}@media (forced-colors:active){.bar{border:1px solid canvastext}.used,.used.extra{forced-color-adjust:none;background:highlight}}", W, G, K, de, q = Object.is, J = 0, fe = [], pe = [], Y = e, me = Y.__b, he = Y.__r, ge = Y.diffed, _e = Y.__c, ve = Y.unmount, ye = Y.__;
function be(e, t) {
	Y.__h && Y.__h(G, e, J || t), J = 0;
	var n = G.__H || (G.__H = {
		__: [],
		__h: []
	});
	return e >= n.__.length && n.__.push({}), n.__[e];
}
function xe(e) {
	return J = 1, Se(Ae, e);
}
function Se(e, t, n) {
	var r = be(W++, 2);
	if (r.t = e, !r.__c && (r.__ = [n ? n(t) : Ae(void 0, t), function(e) {
		var t = (r.__N || r.__)[0], n = r.t(t, e);
		q(t, n) || (r.__N = [n, r.__[1]], r.__c.setState({}));
	}], r.__c = G, !G.__f)) {
		G.__f = !0;
		var i = G.shouldComponentUpdate;
		G.shouldComponentUpdate = function(e, t, n) {
			var r = this.__H;
			if (!r) return !0;
			var a = !1, o = this.props != e;
			if (r.__.some(function(e) {
				e.__N && (a = !0, q(e.__[0], e.__N[0]) || (o = !0));
			}), i) {
				var s = i.call(this, e, t, n);
				return a ? s || o : s;
			}
			return !a || o;
		};
	}
	return r.__;
}
function Ce(e, t) {
	var n = be(W++, 3);
	!Y.__s && ke(n.__H, t) && (n.__P = !0, n.__ = e, n.u = t, G.__H.__h.push(n));
}
function we() {
	var e;
	do {
		for (; e = pe.shift();) try {
			X(e);
		} catch (t) {
			Y.__e(t, { __: (e = e.__P) && e.__v });
		}
		for (; e = fe.shift();) {
			var t = e.__H;
			if (e.__P && t) try {
				t.__h.some(X), t.__h.some(Oe), t.__h = [];
			} catch (n) {
				t.__h = [], Y.__e(n, e.__v);
			}
		}
	} while (pe.length);
}
Y.__b = function(e) {
	G = null, me && me(e);
}, Y.__ = function(e, t) {
	e && t.__k && t.__k.__m && (e.__m = t.__k.__m), ye && ye(e, t);
}, Y.__r = function(e) {
	he && he(e), W = 0;
	var t = (G = e.__c).__H;
	t && (K == G ? G.__h = [] : (t.__h.some(X), t.__h.some(Oe), W = 0), t.__h = [], t.__.some(function(e) {
		e.__N && (e.__ = e.__N), e.u = e.__N = void 0;
	})), K = G;
}, Y.diffed = function(e) {
	ge && ge(e);
	var t = e.__c;
	t && t.__H && (t.__H.__h.length && De(fe.push(t)), t.__H.__.some(function(e) {
		e.u && (e.__H = e.u);
	})), K = G = null;
}, Y.__c = function(e, t) {
	t.some(function(e) {
		try {
			e.__h.some(X), e.__h = e.__h.filter(function(e) {
				return !e.__ || Oe(e);
			});
		} catch (t) {
			e.__h = [function() {
				throw t;
			}];
		}
	}), _e && _e(e, t);
}, Y.unmount = function(e) {
	ve && ve(e);
	var t, n, r = e.__c;
	r && r.__H && (r.__H.__.some(function(r) {
		try {
			if (r.__P && r.__c) {
				if (n === void 0) {
					for (n = e.__; n && (!n.__c || !n.__c.__P);) n = n.__;
					n &&= n.__c;
				}
				r.__P = n, De(pe.push(r));
			} else X(r);
		} catch (e) {
			t = e;
		}
	}), r.__H = void 0, t && Y.__e(t, r.__v));
};
var Te = typeof requestAnimationFrame == "function";
function Ee(e) {
	var t, n = function() {
		clearTimeout(r), Te && cancelAnimationFrame(t), setTimeout(e);
	}, r = setTimeout(n, 35);
	Te && (t = requestAnimationFrame(n));
}
function De(e) {
	e != 1 && de == Y.requestAnimationFrame || ((de = Y.requestAnimationFrame) || Ee)(we);
}
function X(e) {
	var t = G, n = e.__c;
	typeof n == "function" && (e.__c = void 0, n()), G = t;
}
function Oe(e) {
	var t = G;
	e.__c = e.__(), G = t;
}
function ke(e, t) {
	return !e || e.length != t.length || t.some(function(t, n) {
		return !q(t, e[n]);
	});
}
function Ae(e, t) {
	return typeof t == "function" ? t(e) : t;
}
// src/tokens/notice.ts
var je = [.95, .8];
function Me(e) {
	let t = `On ${V(e.reset.at, e.reset.timezone)} (${e.reset.timezone}) the monthly tokens are full again.`, n = e.overdraft > 0 ? ` What was used beyond both pools, ${z(e.overdraft)}, may be taken from it first.` : "";
	if (e.blocked) return {
		tone: "bad",
		title: "Both pools are empty: requests are refused",
		text: `${t} A purchase of extra tokens lifts this at once.${n}`
	};
	if (e.monthly.remaining <= 0) return {
		tone: "warn",
		title: "The monthly tokens are used up",
		text: `Requests now take extra tokens; ${z(e.extra.remaining)} are left. ${t}`
	};
	let r = e.monthly.total > 0 ? e.monthly.used / e.monthly.total : 0;
	if (je.find((e) => r >= e) === void 0) return null;
	let i = e.extra.remaining > 0 ? `After them, ${z(e.extra.remaining)} extra tokens are taken.` : "After them, requests are refused; extra tokens, bought in time, keep them going.";
	return {
		tone: "warn",
		title: `${B(r)} of the monthly tokens are used`,
		text: `${z(e.monthly.remaining)} are left. ${i} ${t}`
	};
}
function Ne(e) {
	return e.blocked ? { text: "Nothing is left until the reset or a purchase." } : e.monthly.used + e.extra.used === 0 ? { text: "Nothing has been used yet." } : e.forecast.empty_at === null ? { text: "Lasts beyond the reset at the rate of the last seven days." } : {
		text: "at the rate of the last seven days.",
		until: e.forecast.empty_at
	};
}
function Pe(e) {
	let t = Date.parse(e.reset.period_start), n = Date.parse(e.reset.at), r = Date.parse(e.as_of), i = Math.max(1, Math.round((n - t) / 864e5)), a = n > t ? Math.min(1, Math.max(0, (r - t) / (n - t))) : 0;
	return {
		share: a,
		day: Math.min(i, Math.floor(a * i) + 1),
		days: i
	};
}
// ../../../../../work/main/admin/dashboard/node_modules/preact/jsx-runtime/dist/jsxRuntime.mjs
var Fe = Symbol.for("pv"), Ie = 0;
Array.isArray;
function Z(t, n, r, i, a, o) {
	n ||= {};
	var s, c, l = n;
	if ("ref" in l && typeof t != "function") for (c in l = {}, n) c == "ref" ? s = n[c] : l[c] = n[c];
	var u = {
		type: t,
		props: l,
		key: r,
		ref: s,
		__k: null,
		__: null,
		__b: 0,
		__e: null,
		__c: null,
		constructor: Fe,
		__v: --Ie,
		__i: -1,
		__u: 0
	};
	return (a || o) && (u.__source = a, u.__self = o), e.vnode && e.vnode(u), u;
}
// src/tokens/view.tsx
function Le(e) {
	let { view: t } = e.seen, n = Me(t);
	return /* @__PURE__ */ Z("div", {
		class: "view",
		part: "view",
		children: [
			/* @__PURE__ */ Z("div", {
				role: "status",
				children: [n && /* @__PURE__ */ Z("div", {
					class: "notice " + n.tone,
					part: "notice",
					children: [/* @__PURE__ */ Z("strong", { children: n.title }), /* @__PURE__ */ Z("span", { children: n.text })]
				}), e.stale && /* @__PURE__ */ Z("div", {
					class: "notice warn",
					part: "notice",
					children: [/* @__PURE__ */ Z("strong", { children: "These figures are not the newest" }), /* @__PURE__ */ Z("span", { children: e.stale })]
				})]
			}),
			/* @__PURE__ */ Z(ze, { seen: e.seen }),
			/* @__PURE__ */ Z(He, {
				seen: e.seen,
				onDue: e.onDue
			}),
			/* @__PURE__ */ Z(Ue, { seen: e.seen })
		]
	});
}
function Re(e) {
	return /* @__PURE__ */ Z("section", {
		class: "part",
		part: "card " + e.id,
		"aria-labelledby": e.id,
		children: [/* @__PURE__ */ Z("div", {
			class: "head",
			children: [/* @__PURE__ */ Z("h2", {
				id: e.id,
				children: e.name
			}), e.aside]
		}), e.children]
	});
}
function Q(e, t, n) {
	if (e <= 0) return {
		used: t > 0 ? 100 : 0,
		held: 0
	};
	let r = Math.min(100, t / e * 100);
	return {
		used: r,
		held: Math.min(100 - r, n / e * 100)
	};
}
function $(e) {
	return (t) => {
		t && (t.style.width = e + "%");
	};
}
function ze({ seen: { view: e } }) {
	let { total: t, used: n, remaining: r } = e.monthly, i = Q(t, n, e.held), a = t > 0 ? n / t : 0, o = e.blocked ? "bad" : a >= .8 ? "warn" : "", s = Pe(e).share, c = Math.round(t * s);
	return /* @__PURE__ */ Z(Re, {
		id: "tokens",
		name: "Tokens",
		aside: /* @__PURE__ */ Z("span", {
			class: "share " + o,
			children: B(a)
		}),
		children: [
			/* @__PURE__ */ Z("p", {
				class: "figure",
				children: [
					/* @__PURE__ */ Z("strong", { children: z(n) }),
					" ",
					/* @__PURE__ */ Z("span", { children: [
						"of ",
						z(t),
						" used this month"
					] })
				]
			}),
			/* @__PURE__ */ Z("div", {
				class: "track",
				children: [/* @__PURE__ */ Z("div", {
					class: "bar",
					part: "bar",
					role: "progressbar",
					"aria-labelledby": "tokens",
					"aria-valuemin": 0,
					"aria-valuemax": Math.max(t, n),
					"aria-valuenow": n,
					"aria-valuetext": `${z(n)} of ${z(t)} tokens used, ${B(a)}` + (e.held > 0 ? `; ${z(e.held)} held by running requests` : ""),
					children: [/* @__PURE__ */ Z("span", {
						class: "used " + o,
						ref: $(i.used)
					}), /* @__PURE__ */ Z("span", {
						class: "held",
						ref: $(i.held)
					})]
				}), n > 0 && /* @__PURE__ */ Z("span", {
					class: "even",
					ref: (e) => {
						e && (e.style.left = s * 100 + "%");
					}
				})]
			}),
			e.overdraft > 0 && /* @__PURE__ */ Z("div", {
				class: "bar over",
				"aria-hidden": "true",
				children: /* @__PURE__ */ Z("span", { ref: $(Q(t, e.overdraft, 0).used) })
			}),
			/* @__PURE__ */ Z("ul", {
				class: "keys",
				children: [
					/* @__PURE__ */ Z("li", { children: [
						/* @__PURE__ */ Z("i", { class: "used " + o }),
						"Used ",
						/* @__PURE__ */ Z("b", { children: z(n) })
					] }),
					e.held > 0 && /* @__PURE__ */ Z("li", { children: [
						/* @__PURE__ */ Z("i", { class: "held" }),
						"Held by running requests ",
						/* @__PURE__ */ Z("b", { children: z(e.held) })
					] }),
					/* @__PURE__ */ Z("li", { children: [
						/* @__PURE__ */ Z("i", { class: "left" }),
						"Remaining ",
						/* @__PURE__ */ Z("b", { children: z(r) })
					] }),
					e.overdraft > 0 && /* @__PURE__ */ Z("li", {
						class: "overdraft",
						children: [
							/* @__PURE__ */ Z("i", { class: "over" }),
							"Overdraft, beyond both pools ",
							/* @__PURE__ */ Z("b", { children: z(e.overdraft) })
						]
					}),
					n > 0 && /* @__PURE__ */ Z("li", { children: [
						/* @__PURE__ */ Z("i", { class: "even" }),
						"Even pace by now ",
						/* @__PURE__ */ Z("b", { children: z(c) })
					] })
				]
			}),
			/* @__PURE__ */ Z(Be, { view: e })
		]
	});
}
function Be({ view: e }) {
	let { text: t, until: n } = Ne(e);
	return /* @__PURE__ */ Z("p", {
		class: "note",
		children: [n && /* @__PURE__ */ Z(y, { children: [
			"Lasts until ",
			/* @__PURE__ */ Z("b", { children: /* @__PURE__ */ Z("time", {
				dateTime: n,
				title: V(n, e.reset.timezone),
				children: H(n, e.reset.timezone)
			}) }),
			" "
		] }), t]
	});
}
function Ve(e) {
	return Math.max(0, Math.ceil(e.view.reset.in_seconds - (performance.now() - e.came) / 1e3));
}
function He({ seen: e, onDue: t }) {
	let [n, r] = xe(() => Ve(e));
	Ce(() => {
		r(Ve(e));
		let n = setInterval(() => {
			let n = Ve(e);
			r(n), n === 0 && t();
		}, 1e3);
		return () => clearInterval(n);
	}, [e]);
	let { at: i, timezone: a, period_start: o } = e.view.reset, { share: s, day: c, days: l } = Pe(e.view);
	return /* @__PURE__ */ Z(Re, {
		id: "reset",
		name: "Monthly Usage Reset",
		children: [
			/* @__PURE__ */ Z("div", {
				class: "countdown",
				part: "countdown",
				role: "timer",
				"aria-labelledby": "reset",
				"aria-live": "off",
				children: [
					[Math.floor(n / 86400), "days"],
					[Math.floor(n / 3600) % 24, "hours"],
					[Math.floor(n / 60) % 60, "minutes"],
					[n % 60, "seconds"]
				].map(([e, t]) => /* @__PURE__ */ Z("span", { children: [/* @__PURE__ */ Z("b", { children: se(e) }), /* @__PURE__ */ Z("small", { children: t })] }, t))
			}),
			/* @__PURE__ */ Z("p", {
				class: "when",
				children: [
					/* @__PURE__ */ Z("time", {
						dateTime: i,
						children: V(i, a)
					}),
					" ",
					/* @__PURE__ */ Z("span", { children: a })
				]
			}),
			/* @__PURE__ */ Z("div", {
				class: "bar thin",
				"aria-hidden": "true",
				children: /* @__PURE__ */ Z("span", {
					class: "passed",
					ref: $(s * 100)
				})
			}),
			/* @__PURE__ */ Z("dl", { children: [/* @__PURE__ */ Z("div", { children: [/* @__PURE__ */ Z("dt", { children: "Period began" }), /* @__PURE__ */ Z("dd", { children: /* @__PURE__ */ Z("time", {
				dateTime: o,
				children: H(o, a)
			}) })] }), /* @__PURE__ */ Z("div", { children: [/* @__PURE__ */ Z("dt", { children: "Today" }), /* @__PURE__ */ Z("dd", { children: [
				"day ",
				z(c),
				" of ",
				z(l)
			] })] })] }),
			/* @__PURE__ */ Z("p", {
				class: "note",
				children: "The monthly pool is full again then; what is left of it lapses."
			})
		]
	});
}
function Ue({ seen: { view: e } }) {
	let { purchased: t, used: n, remaining: r, next_expiry: i } = e.extra, a = Q(t, n, 0);
	return /* @__PURE__ */ Z(Re, {
		id: "extra",
		name: "Extra Tokens",
		children: [
			/* @__PURE__ */ Z("p", {
				class: "figure",
				children: [
					/* @__PURE__ */ Z("strong", { children: z(r) }),
					" ",
					/* @__PURE__ */ Z("span", { children: t > 0 ? `of ${z(t)} purchased are left` : "none purchased" })
				]
			}),
			t > 0 && /* @__PURE__ */ Z("div", {
				class: "bar thin",
				role: "progressbar",
				"aria-labelledby": "extra",
				"aria-valuemin": 0,
				"aria-valuemax": t,
				"aria-valuenow": n,
				"aria-valuetext": `${z(n)} of ${z(t)} extra tokens used`,
				children: /* @__PURE__ */ Z("span", {
					class: "used extra",
					ref: $(a.used)
				})
			}),
			/* @__PURE__ */ Z("dl", { children: [
				/* @__PURE__ */ Z("div", { children: [/* @__PURE__ */ Z("dt", { children: "Purchased" }), /* @__PURE__ */ Z("dd", { children: z(t) })] }),
				/* @__PURE__ */ Z("div", { children: [/* @__PURE__ */ Z("dt", { children: "Used" }), /* @__PURE__ */ Z("dd", { children: z(n) })] }),
				/* @__PURE__ */ Z("div", { children: [/* @__PURE__ */ Z("dt", { children: "Remaining" }), /* @__PURE__ */ Z("dd", { children: z(r) })] }),
				/* @__PURE__ */ Z("div", { children: [/* @__PURE__ */ Z("dt", { children: "Next expiry" }), /* @__PURE__ */ Z("dd", { children: i ? /* @__PURE__ */ Z("time", {
					dateTime: i,
					children: H(i, e.reset.timezone)
				}) : "none" })] })
			] }),
			/* @__PURE__ */ Z("p", {
				class: "note",
				children: t > 0 ? "They are taken when the monthly tokens are used up, and stay until used or expired." : "Purchased tokens are taken when the monthly ones are used up."
			})
		]
	});
}
function We() {
	return /* @__PURE__ */ Z("div", {
		class: "view",
		part: "view",
		children: [/* @__PURE__ */ Z("p", {
			class: "loading hidden",
			role: "status",
			children: "Loading…"
		}), [
			3,
			2,
			2
		].map((e, t) => /* @__PURE__ */ Z("section", {
			class: "part",
			part: "card",
			"aria-hidden": "true",
			children: Array.from({ length: e + 2 }, (e, t) => /* @__PURE__ */ Z("div", { class: "bone b" + t }, t))
		}, t))]
	});
}
function Ge(e) {
	return /* @__PURE__ */ Z("div", {
		class: "notice bad",
		part: "notice",
		role: "alert",
		children: [
			/* @__PURE__ */ Z("strong", { children: "The tokens can’t be shown" }),
			/* @__PURE__ */ Z("span", { children: e.why }),
			/* @__PURE__ */ Z("button", {
				onClick: e.again,
				children: "Try again"
			})
		]
	});
}
// src/tokens/element.tsx
var Ke = new CSSStyleSheet();
Ke.replaceSync(ue);
var qe = 5e3, Je = import.meta.url, Ye = class extends HTMLElement {
	static observedAttributes = [
		"key",
		"account",
		"src",
		"locale"
	];
	#e = this.attachShadow({ mode: "open" });
	#t = null;
	#n = null;
	#r = 0;
	#i = null;
	constructor() {
		super(), this.#e.adoptedStyleSheets = [Ke];
	}
	connectedCallback() {
		document.addEventListener("visibilitychange", this.#a), this.refresh();
	}
	disconnectedCallback() {
		document.removeEventListener("visibilitychange", this.#a), clearTimeout(this.#r), this.#i?.abort();
	}
	attributeChangedCallback() {
		this.isConnected && (this.#t = null, this.refresh());
	}
	refresh = () => {
		clearTimeout(this.#r), this.#i?.abort();
		let e = this.#i = new AbortController();
		R(this.getAttribute("locale") ?? void 0);
		let t = this.getAttribute("key"), n = !t && !this.hasAttribute("account");
		n && (this.#n = "The page gave this view no key."), this.#s(), n || ce(this.#o(), t, e.signal).then((e) => {
			this.#t = e, this.#n = null, this.dispatchEvent(new CustomEvent("tollgate-tokens", {
				detail: e.view,
				bubbles: !0
			}));
		}, (t) => {
			e.signal.aborted || (this.#n = t instanceof U ? t.message : String(t));
		}).finally(() => {
			e.signal.aborted || (this.#s(), this.#r = window.setTimeout(this.refresh, document.hidden ? qe * 12 : qe));
		});
	};
	#a = () => {
		document.hidden || this.refresh();
	};
	#o() {
		let e = this.getAttribute("account");
		if (e !== null) return new URL(`api/v1/accounts/${encodeURIComponent(e)}/tokens`, document.baseURI).href;
		let t = this.getAttribute("src");
		return t === null ? new URL("v1/tokens", Je).href : new URL("tollgate/v1/tokens", t.replace(/\/*$/, "/")).href;
	}
	#s() {
		let { refresh: e } = this;
		this.#t ? I(/* @__PURE__ */ Z(Le, {
			seen: this.#t,
			stale: this.#n,
			onDue: e
		}), this.#e) : I(this.#n ? /* @__PURE__ */ Z(Ge, {
			why: this.#n,
			again: e
		}) : /* @__PURE__ */ Z(We, {}), this.#e);
	}
};
customElements.define("tollgate-tokens", Ye);
export { Ye as TollgateTokens };
