"""What files claim about themselves: C2PA, XMP, AIGC labels, traces of programs; and what is never shown."""

from __future__ import annotations

import datetime
import http.server
import json
import threading
from pathlib import Path

import av
import c2pa
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from stimuli.provenance.boxes import metadata_regions
from stimuli.provenance.claims import conflicts, read_claims
from stimuli.provenance.comfyui import read_workflow

IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
XMP_BOX = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
WORKFLOW = {
    "1": {"inputs": {"video": "D:\\jane.doe\\Desktop\\take 3.mp4"}, "class_type": "VHS_LoadVideo"},
    "2": {"inputs": {"upscale_model": ["3", 0], "image": ["1", 0]}, "class_type": "ImageUpscaleWithModel"},
    "3": {"inputs": {"model_name": "video\\4x_NMKD-Siax_200k.pth"}, "class_type": "UpscaleModelLoader"},
    "4": {"inputs": {"ckpt_name": "rife47.pth", "frames": ["2", 0]}, "class_type": "RIFE VFI"},
    "5": {"inputs": {"filename_prefix": "/srv/jane/out"}, "class_type": "VHS_VideoCombine"},
}


def film(path: Path, **metadata: str) -> Path:
    """A film of five grey frames, with metadata fields of any name."""
    options = {"movflags": "use_metadata_tags"} if path.suffix in (".mp4", ".mov") else {}
    with av.open(str(path), "w", options=options) as container:
        container.metadata.update(metadata)
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i in range(5):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 40 * i, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def comfy(graph=WORKFLOW, **more) -> str:
    """The comment that video nodes of ComfyUI write: the graph as text within JSON, then its drawing."""
    drawing = {"nodes": [{"type": "UpscaleModelLoader", "widgets_values": ["4x-AnimeSharp.pth"], "mode": 4}]}
    return json.dumps({"prompt": json.dumps(graph), "workflow": drawing, **more})


def box(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + kind + content


def xmp(properties: str, elements: str = "", before: str = "") -> bytes:
    return (
        f'{before}<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
        'xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/" '
        f'{properties}>{elements}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def with_bytes(path: Path, content: bytes) -> Path:
    path.write_bytes(path.read_bytes() + content)
    return path


@pytest.fixture(scope="module")
def identity() -> tuple[bytes, bytes]:
    """A certificate chain and private key of a laboratory's own making."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    usage = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")  # fmt: skip

    def certificate(name, its_key, *, authority):
        names = [
            x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Film lab"),
                       x509.NameAttribute(NameOID.COMMON_NAME, one)])
            for one in (name, "root")
        ]  # fmt: skip
        may = ("key_cert_sign", "crl_sign") if authority else ("digital_signature",)
        start = datetime.datetime(2024, 1, 1)
        built = (
            x509.CertificateBuilder()
            .subject_name(names[0])
            .issuer_name(names[1])
            .public_key(its_key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + datetime.timedelta(days=36_500))
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
            .add_extension(x509.KeyUsage(**{one: one in may for one in usage}), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(its_key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False
            )
        )
        if not authority:
            built = built.add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False
            )
        return built.sign(root_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    chain = certificate("signer", key, authority=False) + certificate("root", root_key, authority=True)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return chain, private


@pytest.fixture
def sign(identity):
    def _sign(
        source: Path,
        target: Path,
        source_type: str | None,
        *,
        parent: Path | None = None,
        url=None,
        by="Sora",
    ):
        signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo("es256", *identity, None))
        actions = [{"action": "c2pa.created", "digitalSourceType": IPTC + source_type}] if source_type else []
        assertions = [{"label": "c2pa.actions", "data": {"actions": actions}}] if actions else []
        builder = c2pa.Builder(
            {
                "claim_generator_info": [{"name": by, "version": "2"}],
                "title": "/srv/jane/x.mp4",
                "assertions": assertions,
            }
        )
        if parent is not None:
            builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
            with parent.open("rb") as stream:
                builder.add_ingredient(
                    {"title": parent.name, "relationship": "parentOf"}, "video/mp4", stream
                )
        if url is not None:
            builder.set_no_embed()
            builder.set_remote_url(url)
        builder.sign_file(source, target, signer)
        return target

    return _sign


def test_a_plain_file_claims_nothing(tmp_path):
    claims = read_claims(film(tmp_path / "a.mp4"))
    assert (claims.c2pa.state, claims.c2pa_summary, claims.digital_source_type) == ("none", "none", None)
    assert (claims.xmp.source_types, claims.aigc, claims.problems) == ((), (), ())
    assert [str(one) for one in claims.processing if one.kind != "written"] == []
    assert "encoder points to FFmpeg (Lavf" in claims.summary  # who wrote it last is no secret
    for arm in ("live", "ai", "classic", "codec_control", "cartoon", "reference", "contrast"):
        assert conflicts(arm, claims) == []


def test_a_signed_claim_of_a_generator_is_read_and_called_a_claim(tmp_path, sign):
    signed = sign(film(tmp_path / "a.mp4"), tmp_path / "b.mp4", "trainedAlgorithmicMedia")
    claims = read_claims(signed)
    assert claims.c2pa.state == "present"
    assert claims.c2pa.source_types == ("trainedAlgorithmicMedia",)
    assert claims.c2pa.actions == ("created",)
    assert claims.c2pa.generators == ("Sora 2",)
    assert claims.c2pa.signer == "Film lab"
    assert claims.digital_source_type == "trainedAlgorithmicMedia"
    assert claims.c2pa_summary == "valid"
    assert claims.c2pa.failures == ("signingCredential.untrusted",)
    assert "not on a list of trusted ones" in claims.summary
    assert claims.to_json()["c2pa"]["note"] == "a claim of whoever signed it, not proof"
    assert any("registered as live action, but its C2PA manifest claims trainedAlgorithmicMedia" in line
               for line in conflicts("live", claims))  # fmt: skip
    assert conflicts("reference", claims) == conflicts("live", claims)
    assert conflicts("ai", claims) == []


def test_a_captured_clip_does_not_pass_for_generated(tmp_path, sign):
    signed = sign(film(tmp_path / "a.mp4"), tmp_path / "b.mp4", "digitalCapture", by="Camera")
    claims = read_claims(signed)
    assert conflicts("live", claims) == []
    assert conflicts("contrast", claims) == [
        "registered as AI-generated, but its C2PA manifest claims digitalCapture"
    ]


def test_what_went_into_an_edited_file_counts(tmp_path, sign):
    generated = sign(film(tmp_path / "a.mp4"), tmp_path / "b.mp4", "trainedAlgorithmicMedia")
    edited = sign(film(tmp_path / "c.mp4"), tmp_path / "d.mp4", None, parent=generated, by="Cutter")
    claims = read_claims(edited)
    assert claims.c2pa.source_types == ()
    assert [one.source_types for one in claims.c2pa.ingredients] == [("trainedAlgorithmicMedia",)]
    assert "opened" in claims.c2pa.actions
    assert any("claims trainedAlgorithmicMedia" in line for line in conflicts("live", claims))


def test_a_manifest_on_another_film_is_invalid_but_still_a_claim(tmp_path, sign):
    signed = sign(film(tmp_path / "a.mp4"), tmp_path / "b.mp4", "trainedAlgorithmicMedia")
    changed = bytearray(signed.read_bytes())
    changed[changed.index(b"mdat") + 60] ^= 0xFF
    signed.write_bytes(changed)
    claims = read_claims(signed)
    assert claims.c2pa_summary == "invalid"
    assert "assertion.bmffHash.mismatch" in claims.c2pa.failures
    assert "signature invalid" in claims.summary
    assert any(
        "invalid C2PA manifest claims trainedAlgorithmicMedia" in line for line in conflicts("live", claims)
    )


def test_a_broken_manifest_is_no_fault_of_the_clip(tmp_path, sign):
    signed = sign(film(tmp_path / "a.mp4"), tmp_path / "b.mp4", "trainedAlgorithmicMedia")
    broken = bytearray(signed.read_bytes())
    at = broken.index(b"jumb")
    broken[at + 30 : at + 60] = bytes(30)
    signed.write_bytes(broken)
    claims = read_claims(signed)
    assert claims.c2pa_summary == "unreadable"
    assert any("C2PA manifest is unreadable: " in line for line in claims.problems)
    assert claims.container.fields  # the rest is read


def test_nothing_is_fetched_from_a_server(tmp_path, sign):
    asked = []

    class Counting(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Counting) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/manifest.c2pa"
        remote = sign(film(tmp_path / "a.mp4"), tmp_path / "b.mp4", "digitalCapture", url=url)
        del asked[:]  # signing may ask
        claims = read_claims(remote)
        server.shutdown()
    assert asked == []
    assert claims.c2pa_summary == "elsewhere"
    assert "was not fetched" in claims.summary


@pytest.mark.parametrize("place", ["uuid box", "udta of moov", "after the film", "matroska"])
def test_xmp_is_found_wherever_programs_put_it(tmp_path, place):
    packet = xmp(
        f'Iptc4xmpExt:DigitalSourceType="{IPTC}compositeWithTrainedAlgorithmicMedia" '
        'xmp:CreatorTool="Adobe Premiere Pro 2025" exif:GPSLatitude="52,31.0N"',
        '<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">CC BY 4.0</rdf:li></rdf:Alt></dc:rights>',
    )
    path = film(tmp_path / ("a.mkv" if place == "matroska" else "a.mp4"))
    content = {
        "uuid box": box(b"uuid", XMP_BOX + packet),
        "udta of moov": box(b"moov", box(b"udta", box(b"XMP_", packet))),
        "after the film": box(b"free", packet),
        "matroska": packet,
    }[place]
    claims = read_claims(with_bytes(path, content))
    assert claims.xmp.source_types == ("compositeWithTrainedAlgorithmicMedia",)
    assert dict(claims.xmp.fields) == {"CreatorTool": "Adobe Premiere Pro 2025", "Rights": "CC BY 4.0"}
    assert any(one.kind == "edited" and "Premiere" in one.what for one in claims.processing)
    assert any("its XMP claims compositeWith" in line for line in conflicts("live", claims))
    assert "52,31" not in json.dumps(claims.to_json())


def test_xmp_of_ingredients_is_not_the_films(tmp_path):
    nested = (
        '<xmpMM:Ingredients xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"><rdf:Bag><rdf:li><rdf:Description '
        f'Iptc4xmpExt:DigitalSourceType="{IPTC}trainedAlgorithmicMedia"/></rdf:li></rdf:Bag></xmpMM:Ingredients>'
    )
    claims = read_claims(with_bytes(film(tmp_path / "a.mp4"), box(b"uuid", XMP_BOX + xmp("", nested))))
    assert claims.xmp.source_types == ()


def test_xmp_quoted_in_a_manifest_is_not_the_films(tmp_path):
    quoted = xmp(f'Iptc4xmpExt:DigitalSourceType="{IPTC}trainedAlgorithmicMedia"')
    manifest = box(b"uuid", bytes.fromhex("d8fec3d61b0e483c92975828877ec481") + quoted)
    assert read_claims(with_bytes(film(tmp_path / "a.mp4"), manifest)).xmp.source_types == ()


def test_entities_do_not_grow(tmp_path):
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    bomb = f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]>'
    path = with_bytes(
        film(tmp_path / "a.mp4"), box(b"uuid", XMP_BOX + xmp("", "<dc:rights>&l9;</dc:rights>", bomb))
    )
    claims = read_claims(path)
    assert claims.xmp.fields == ()
    assert any("XMP packet is unreadable" in line for line in claims.problems)


def test_a_long_film_is_not_read(tmp_path):
    path = with_bytes(film(tmp_path / "a.mp4"), box(b"uuid", XMP_BOX + xmp('xmp:CreatorTool="Sora"')))
    length = 3_000_000_000
    with path.open("ab") as stream:  # a hole in the file, which takes no space
        stream.write(b"\x00\x00\x00\x01mdat" + (length + 16).to_bytes(8, "big"))
        stream.truncate(stream.tell() + length)
    with_tail = box(b"uuid", XMP_BOX + xmp('xmp:CreatorTool="x"', "<dc:rights>at the end</dc:rights>"))
    with path.open("r+b") as stream:
        stream.seek(0, 2)
        stream.write(with_tail)
    assert sum(len(region) for region in metadata_regions(path)) < 20_000
    assert dict(read_claims(path).xmp.fields)["Rights"] == "at the end"


AIGC = {
    "Label": "1",
    "ContentProducer": "001191440300708461136T1XGW3",
    "ProduceID": "account-4711",
    "ReservedCode1": "",
    "ContentPropagator": "Sharing Ltd",
    "PropagateID": "account-4711",
    "ReservedCode2": "",
}


@pytest.mark.parametrize("place", ["mp4 field", "mkv field", "XMP", "unknown box"])
def test_the_label_of_gb_45438_is_found(tmp_path, place):
    value = json.dumps(AIGC)
    if place == "XMP":
        escaped = value.replace('"', "&quot;")
        path = with_bytes(
            film(tmp_path / "a.mp4"), box(b"uuid", XMP_BOX + xmp("", f"<TC260:AIGC>{escaped}</TC260:AIGC>"))
        )
    elif place == "unknown box":
        path = with_bytes(film(tmp_path / "a.mp4"), box(b"udta", box(b"AIGC", value.encode())))
    else:
        path = film(tmp_path / f"a.{place[:3]}", AIGC=value)
    claims = read_claims(path)
    (label,) = claims.aigc
    assert (label.label, label.meaning) == ("1", "generated")
    assert label.producer == AIGC["ContentProducer"]
    assert label.propagator == "Sharing Ltd"
    assert label.numbered
    assert "account-4711" not in json.dumps(claims.to_json())
    assert any("AIGC label claims: generated" in line for line in conflicts("live", claims))
    assert conflicts("ai", claims) == []


@pytest.mark.parametrize(
    ("label", "meaning"),
    [("2", "possibly"), ("3", "suspected"), ("AIGC", "generated"), ("9", "does not know")],
)
def test_labels_say_what_they_mean(tmp_path, label, meaning):
    claims = read_claims(film(tmp_path / "a.mp4", AIGC=json.dumps({**AIGC, "Label": label})))
    assert meaning in claims.aigc[0].meaning


def test_a_workflow_names_networks_and_no_paths(tmp_path):
    claims = read_claims(film(tmp_path / "a.mp4", comment=comfy()))
    finding = claims.processing[0]
    assert finding.kind == "altered"
    assert finding.what == (
        "holds a ComfyUI workflow: ImageUpscaleWithModel (4x_NMKD-Siax_200k.pth), RIFE VFI (rife47.pth); "
        "it starts from another film"
    )
    said = json.dumps(claims.to_json()) + claims.summary
    assert "AnimeSharp" not in said  # only drawn, not executed
    for private in ("jane", "Desktop", "take 3", "srv"):
        assert private not in said
    (line,) = conflicts("live", claims)
    assert "not what the camera recorded" in line
    assert conflicts("ai", claims) == []
    assert conflicts("codec_control", claims) == []  # is meant to have been processed


def test_a_workflow_that_samples_has_generated(tmp_path):
    graph = {
        "1": {"inputs": {"unet_name": "wan2.2_t2v.safetensors"}, "class_type": "UNETLoader"},
        "2": {"inputs": {"model": ["1", 0], "seed": 5}, "class_type": "KSampler"},
    }
    finding = read_claims(film(tmp_path / "a.mkv", prompt=json.dumps(graph))).processing[0]
    assert (finding.kind, finding.where) == ("generated", "prompt")
    assert "KSampler (wan2.2_t2v.safetensors)" in finding.what


def test_a_comment_cut_off_still_says_what_it_can(tmp_path):
    short = read_claims(film(tmp_path / "a.mp4", comment=comfy()[:120]))
    assert short.processing[0].kind == "unclear"
    assert (
        "was cut off after 120 characters: it starts from another film; what it did is lost" in short.summary
    )
    assert any("may have changed its frames" in line for line in conflicts("live", short))
    whole = comfy()
    longer = read_claims(film(tmp_path / "b.mp4", comment=whole[: whole.index("VHS_VideoCombine")]))
    assert "ImageUpscaleWithModel (4x_NMKD-Siax_200k.pth), RIFE VFI (rife47.pth)" in longer.summary
    assert "cut off" in longer.summary


def test_any_beginning_of_a_workflow_is_survived():
    text = comfy()
    for end in range(0, len(text), 7):
        workflow = read_workflow(text[:end])
        assert workflow is None or workflow.cut_off or end == len(text)


@pytest.mark.parametrize(
    ("field", "text", "kind", "says"),
    [
        (
            "videoai",
            "Enhanced using prob-4; mode: auto. Changed resolution to 3840x2160",
            "altered",
            "prob-4",
        ),
        ("comment", "MP4 edited with https://ezgif.com/cut-video", "edited", "ezgif.com"),
        ("comment", "Made with Google AI", "generated", "Veo"),
        ("comment", "Steps: 20, Sampler: Euler a, CFG scale: 7", "generated", "Stable Diffusion"),
        ("comment", "可灵", "generated", "Kling"),
        ("software", "Runway", "generated", "Runway"),
        ("comment", "a model on the runway, shot by Sora", "written", "no known program"),
    ],
)
def test_traces_of_programs(tmp_path, field, text, kind, says):
    found = [
        one for one in read_claims(film(tmp_path / "a.mp4", **{field: text})).processing if one.where == field
    ]
    assert [one.kind for one in found] == [kind]
    assert says in found[0].what


def test_what_is_not_recognised_is_not_repeated(tmp_path):
    claims = read_claims(
        film(
            tmp_path / "a.mp4",
            comment="Aisha Khan, 12 Elm Street, aisha@example.org",
            title="Aisha at home",
            artist="Aisha Khan",
            location="+52.5200+013.4050/",
        )
    )
    said = json.dumps(claims.to_json()) + claims.summary
    assert "comment holds 44 characters" in claims.summary
    for private in ("Aisha", "Elm", "example.org", "52.52"):
        assert private not in said


def test_a_camera_contradicts_a_generated_clip(tmp_path):
    claims = read_claims(
        film(
            tmp_path / "a.mp4",
            **{"com.apple.quicktime.make": "Apple", "com.apple.quicktime.model": "iPhone 15"},
        )
    )
    assert conflicts("ai", claims) == [
        "registered as AI-generated, but its make and model name a camera: Apple iPhone 15"
    ]
    assert conflicts("live", claims) == []


@pytest.mark.parametrize(
    "content", [b"", b"no film at all " * 40, b"\x00\x00\x00\x18ftypmp42", b"\x00" * 5000]
)
def test_no_file_makes_reading_fail(tmp_path, content):
    path = tmp_path / "片段 'x'.mp4"
    path.write_bytes(content)
    claims = read_claims(path)
    assert claims.problems
    assert conflicts("live", claims) == []


def test_a_film_cut_short_is_read_as_far_as_it_goes(tmp_path):
    whole = with_bytes(
        film(tmp_path / "a.mp4"), box(b"uuid", XMP_BOX + xmp('xmp:CreatorTool="Sora"'))
    ).read_bytes()
    path = tmp_path / "b.mp4"
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        read_claims(path)


def test_a_missing_file_is_a_problem_not_an_error(tmp_path):
    assert read_claims(tmp_path / "none.mp4").problems
