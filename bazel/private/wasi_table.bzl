"""The WASI packages of `checksums/wit` as Starlark: a WORKSPACE macro cannot read JSON.

Written by a test from those files: `BLESS=1 cargo test --test cli registry`.
"""

# Package -> what the helper's request says of it.
WASI_WIT = {
    "wasi:cli@0.2.0": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "c35931d345381ffaf051329235083f8cec63b9421f120d49fc82d30d8870cb0e",
            "strip_prefix": "wasi-cli-0.2.0",
            "url": "https://github.com/WebAssembly/wasi-cli/archive/refs/tags/v0.2.0.tar.gz",
        },
        "package": "wasi:cli@0.2.0",
        "tree": "b37da15fc0ac9918c256bbc9f8aee30b4dffa9c2e65d1b8e9e45fb96bae2c4c7",
        "wit_dir": "wit",
    },
    "wasi:cli@0.2.3": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "7d717274ebf872b996a031a55e619b9ecee0e5a02e5ae9fdaef84f541958cdf8",
            "strip_prefix": "wasi-cli-0.2.3",
            "url": "https://github.com/WebAssembly/wasi-cli/archive/refs/tags/v0.2.3.tar.gz",
        },
        "package": "wasi:cli@0.2.3",
        "tree": "87f7edf5c539ac05507c4bcbeafbbf8521eb508513d4b1bd22310334cd05cfe0",
        "wit_dir": "wit",
    },
    "wasi:cli@0.2.6": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "91fa27b6f83c0199e2fe7912d770609871d350b5242edf44bbdc3fbf17e3e1aa",
            "strip_prefix": "wasi-cli-0.2.6",
            "url": "https://github.com/WebAssembly/wasi-cli/archive/refs/tags/v0.2.6.tar.gz",
        },
        "package": "wasi:cli@0.2.6",
        "tree": "eb38143f990d131f228902342fa94505621325f80fc7f831deeaa34f080eedde",
        "wit_dir": "wit",
    },
    "wasi:cli@0.2.8": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "2ca56bbbf56ce30edea6aa69a2ebc43bba0138a8fccae641e6ee0902e346ead9",
            "strip_prefix": "wasi-cli-0.2.8",
            "url": "https://github.com/WebAssembly/wasi-cli/archive/refs/tags/v0.2.8.tar.gz",
        },
        "package": "wasi:cli@0.2.8",
        "wit_dir": "wit",
    },
    "wasi:cli@0.3.0": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "619928e4754a14db106ae42318daa5c7e29b842ab884662d6d86d8d1ac9a76fd",
            "strip_prefix": "WASI-0.3.0",
            "url": "https://github.com/WebAssembly/WASI/archive/refs/tags/v0.3.0.tar.gz",
        },
        "package": "wasi:cli@0.3.0",
        "tree": "9d03cbf31753eb378481853b19de478fe36d411e6a0131ec07f0b204f02cce12",
        "wit_dir": "proposals/cli/wit",
    },
    "wasi:clocks@0.2.0": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "b6131b9ef2968fc6add2e42081770d0f0e22af9c8e5c367716febb7913a5c2a8",
            "strip_prefix": "wasi-clocks-0.2.0",
            "url": "https://github.com/WebAssembly/wasi-clocks/archive/refs/tags/v0.2.0.tar.gz",
        },
        "package": "wasi:clocks@0.2.0",
        "tree": "dd1fcb1baf4e34e879f4639b48f9a67358bd4ab1e4198812ce56415f9bee9423",
        "wit_dir": "wit",
    },
    "wasi:clocks@0.2.3": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "8d56927a581bda2b00774fc5a9ad93fc4d84d88c5e14e7e3f3738f420ae75052",
            "strip_prefix": "wasi-clocks-0.2.3",
            "url": "https://github.com/WebAssembly/wasi-clocks/archive/refs/tags/v0.2.3.tar.gz",
        },
        "package": "wasi:clocks@0.2.3",
        "tree": "7e2326209a3f3b3151b18a542c055b857a5227bb9d070f7a054033e1e0b75e32",
        "wit_dir": "wit",
    },
    "wasi:clocks@0.2.6": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "771f45e21ba86d4cfefc4e3e1348059bc6d3f95400728feaa4c1c77708f531a6",
            "strip_prefix": "wasi-clocks-0.2.6",
            "url": "https://github.com/WebAssembly/wasi-clocks/archive/refs/tags/v0.2.6.tar.gz",
        },
        "package": "wasi:clocks@0.2.6",
        "tree": "ca688c88db098e37d034df113f1975b502aaa37d679b1ff7975f4423227ead2e",
        "wit_dir": "wit",
    },
    "wasi:clocks@0.2.8": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "292274abf4449453bb78110dc9d93486ea4730874fcabea45b49e3311e00c625",
            "strip_prefix": "wasi-clocks-0.2.8",
            "url": "https://github.com/WebAssembly/wasi-clocks/archive/refs/tags/v0.2.8.tar.gz",
        },
        "package": "wasi:clocks@0.2.8",
        "wit_dir": "wit",
    },
    "wasi:clocks@0.3.0": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "619928e4754a14db106ae42318daa5c7e29b842ab884662d6d86d8d1ac9a76fd",
            "strip_prefix": "WASI-0.3.0",
            "url": "https://github.com/WebAssembly/WASI/archive/refs/tags/v0.3.0.tar.gz",
        },
        "package": "wasi:clocks@0.3.0",
        "tree": "44c8ccd5e207b5c25530d828aace3f302e15c3ab6ca1d0bfcbbe54256b6be139",
        "wit_dir": "proposals/clocks/wit",
    },
    "wasi:filesystem@0.2.0": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "862cd22175b488c77fc89c2d4d20b7df7f854f834fd6e39d4e216ac7eeaff9df",
            "strip_prefix": "wasi-filesystem-0.2.0",
            "url": "https://github.com/WebAssembly/wasi-filesystem/archive/refs/tags/v0.2.0.tar.gz",
        },
        "package": "wasi:filesystem@0.2.0",
        "tree": "c7f47a97d8003b28e3ad9476d50fd5222c54a111cad8ea7c6991abc20f73336c",
        "wit_dir": "wit",
    },
    "wasi:filesystem@0.2.3": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "e31161ee490a1a9b1eb850ad65c53efa004fcb8a5d3ed43f1a296ccb6c2f24bd",
            "strip_prefix": "wasi-filesystem-0.2.3",
            "url": "https://github.com/WebAssembly/wasi-filesystem/archive/refs/tags/v0.2.3.tar.gz",
        },
        "package": "wasi:filesystem@0.2.3",
        "tree": "1ad293059e1987a39ce7d34ca4ba6c464fb86d80bf46f8fb9e1c3354975a458c",
        "wit_dir": "wit",
    },
    "wasi:filesystem@0.2.6": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "5d1d01dad6e873ceaf7c04ab92cf2a1243842b4798680003c44c57216eb65e78",
            "strip_prefix": "wasi-filesystem-0.2.6",
            "url": "https://github.com/WebAssembly/wasi-filesystem/archive/refs/tags/v0.2.6.tar.gz",
        },
        "package": "wasi:filesystem@0.2.6",
        "tree": "82129a8f1e71b16c73955bbee5e5134d2dcbaac9172246cd354911171647bde2",
        "wit_dir": "wit",
    },
    "wasi:filesystem@0.2.8": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "c0c724ff36f8a8222051e3409ca357fc0ff5c03c9b4ceadbdd9192aedba9adad",
            "strip_prefix": "wasi-filesystem-0.2.8",
            "url": "https://github.com/WebAssembly/wasi-filesystem/archive/refs/tags/v0.2.8.tar.gz",
        },
        "package": "wasi:filesystem@0.2.8",
        "wit_dir": "wit",
    },
    "wasi:filesystem@0.3.0": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "619928e4754a14db106ae42318daa5c7e29b842ab884662d6d86d8d1ac9a76fd",
            "strip_prefix": "WASI-0.3.0",
            "url": "https://github.com/WebAssembly/WASI/archive/refs/tags/v0.3.0.tar.gz",
        },
        "package": "wasi:filesystem@0.3.0",
        "tree": "ff6f554f7fa35184a68b625567caa3369ee32cafa193284716f3bbda16585caa",
        "wit_dir": "proposals/filesystem/wit",
    },
    "wasi:http@0.2.3": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "9f5f34a720180eff513ad9e7166b005ebcae2414669b84e5ee33c7c7b29560a4",
            "strip_prefix": "wasi-http-0.2.3",
            "url": "https://github.com/WebAssembly/wasi-http/archive/refs/tags/v0.2.3.tar.gz",
        },
        "package": "wasi:http@0.2.3",
        "tree": "393775f8e81556f39bb804028fedbf996ab0ac0ccdf69208d5adad490dc6ab12",
        "wit_dir": "wit",
    },
    "wasi:http@0.2.6": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "d65e9b04faa28333fb008a1e89e5ee704474007b36e7c798f5fbb27025ce9ddc",
            "strip_prefix": "wasi-http-0.2.6",
            "url": "https://github.com/WebAssembly/wasi-http/archive/refs/tags/v0.2.6.tar.gz",
        },
        "package": "wasi:http@0.2.6",
        "tree": "334ae744cc1fe9ab5f78f7e9dcc0145f9780db9907661a7456b39a522516792b",
        "wit_dir": "wit",
    },
    "wasi:http@0.2.8": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "95a6da213c7f0e30d34e40a2032508b2281d751b6027f57521564dbb348db16f",
            "strip_prefix": "wasi-http-0.2.8",
            "url": "https://github.com/WebAssembly/wasi-http/archive/refs/tags/v0.2.8.tar.gz",
        },
        "package": "wasi:http@0.2.8",
        "wit_dir": "wit",
    },
    "wasi:http@0.3.0": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "619928e4754a14db106ae42318daa5c7e29b842ab884662d6d86d8d1ac9a76fd",
            "strip_prefix": "WASI-0.3.0",
            "url": "https://github.com/WebAssembly/WASI/archive/refs/tags/v0.3.0.tar.gz",
        },
        "package": "wasi:http@0.3.0",
        "tree": "960f01d031d51cd607cfb4182f3a8a4920bdfbbee6cdcdbc22cc2c1567b9260d",
        "wit_dir": "proposals/http/wit",
    },
    "wasi:io@0.2.0": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "0e98868cfa86f2927c045b13a0c71f70609c5eeddd477abf011e5fb62549ea6a",
            "strip_prefix": "wasi-io-0.2.0",
            "url": "https://github.com/WebAssembly/wasi-io/archive/refs/tags/v0.2.0.tar.gz",
        },
        "package": "wasi:io@0.2.0",
        "tree": "e617f5f36af2c1573707e56d0a5543e4610f839e30417324220074823464d9eb",
        "wit_dir": "wit",
    },
    "wasi:io@0.2.3": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "d34f61c21b3739a88821e57ac1ebc3bd80b79a45ccb2de168453050355cf68d9",
            "strip_prefix": "wasi-io-0.2.3",
            "url": "https://github.com/WebAssembly/wasi-io/archive/refs/tags/v0.2.3.tar.gz",
        },
        "package": "wasi:io@0.2.3",
        "tree": "d3bfff1f85f7e5fd0d9265cae874400f552d6e02925703ddf505774afe3c423d",
        "wit_dir": "wit",
    },
    "wasi:io@0.2.6": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "e3cb3c21d7c49219e885b4564f2dd34beec7403062749c35d73c016043ad6c95",
            "strip_prefix": "wasi-io-0.2.6",
            "url": "https://github.com/WebAssembly/wasi-io/archive/refs/tags/v0.2.6.tar.gz",
        },
        "package": "wasi:io@0.2.6",
        "tree": "604589fa6f0292bffdcc599b0b4cd55150b115514306fd363ef98aeb6529a7af",
        "wit_dir": "wit",
    },
    "wasi:io@0.2.8": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "5e4c867b06d4e38276e9b80c80ee29dc34943e6b5db678fee8e9f9c249061b61",
            "strip_prefix": "wasi-io-0.2.8",
            "url": "https://github.com/WebAssembly/wasi-io/archive/refs/tags/v0.2.8.tar.gz",
        },
        "package": "wasi:io@0.2.8",
        "wit_dir": "wit",
    },
    "wasi:nn@0.2.0-rc-2024-06-25": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "f95b982ea5d7475ff3825e65a6319d6ca1e7aa0a5f92c175ee27db1cd0b2ab06",
            "strip_prefix": "wasi-nn-0.2.0-rc-2024-06-25",
            "url": "https://github.com/WebAssembly/wasi-nn/archive/refs/tags/0.2.0-rc-2024-06-25.tar.gz",
        },
        "package": "wasi:nn@0.2.0-rc-2024-06-25",
        "tree": "85b942429b3e365108c8d7eb04d8876e74920f0a0b61806a665fcde7bc3f600c",
        "wit_dir": "wit",
    },
    "wasi:nn@0.2.0-rc-2024-08-19": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "f512a77274cfda4f0afc47c417071a718ea379221987446b19e5060bba6594bc",
            "strip_prefix": "wasi-nn-0.2.0-rc-2024-08-19",
            "url": "https://github.com/WebAssembly/wasi-nn/archive/refs/tags/0.2.0-rc-2024-08-19.tar.gz",
        },
        "package": "wasi:nn@0.2.0-rc-2024-08-19",
        "tree": "903a597893c2d52b4aeb3430d531d10790b397a1427bfc41942f5c67721286e6",
        "wit_dir": "wit",
    },
    "wasi:nn@0.2.0-rc-2024-10-28": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "2cefa3ff992bd064562547f92e20789a88770f0a6898c569b76125bc4f219ab5",
            "strip_prefix": "wasi-nn-0.2.0-rc-2024-10-28",
            "url": "https://github.com/WebAssembly/wasi-nn/archive/refs/tags/0.2.0-rc-2024-10-28.tar.gz",
        },
        "package": "wasi:nn@0.2.0-rc-2024-10-28",
        "wit_dir": "wit",
    },
    "wasi:random@0.2.0": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "821b6851ed049d0586817c043693809bb263d35d6b1c991167212dae21f64b2f",
            "strip_prefix": "wasi-random-0.2.0",
            "url": "https://github.com/WebAssembly/wasi-random/archive/refs/tags/v0.2.0.tar.gz",
        },
        "package": "wasi:random@0.2.0",
        "tree": "4cb744ca3ff25e043fe3e5fc34b24c8677b4a1ecdc2a59df91d6491f8674aad7",
        "wit_dir": "wit",
    },
    "wasi:random@0.2.3": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "173bf2e11d94bbc6a819afb7a76b39720b46b5a68f0265e76c69794de6e0fc2d",
            "strip_prefix": "wasi-random-0.2.3",
            "url": "https://github.com/WebAssembly/wasi-random/archive/refs/tags/v0.2.3.tar.gz",
        },
        "package": "wasi:random@0.2.3",
        "tree": "9b0c7547e1c0c5e2b94c5113e2c71157d4354916f3c89185897b6b8fce18fae1",
        "wit_dir": "wit",
    },
    "wasi:random@0.2.6": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "91c68fb6b22de83b9bdcd775b489086febeaa07bb95fd609b48e6a9dc5b46583",
            "strip_prefix": "wasi-random-0.2.6",
            "url": "https://github.com/WebAssembly/wasi-random/archive/refs/tags/v0.2.6.tar.gz",
        },
        "package": "wasi:random@0.2.6",
        "tree": "1b0c8ac5117a806852a4c9c78a78f8471f0f96e84de071dd33095c1976d67cc6",
        "wit_dir": "wit",
    },
    "wasi:random@0.2.8": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "25970acd8089a1b3f1bf7f266ab207b5f1134a424da26a3637d7cc3dee912a3a",
            "strip_prefix": "wasi-random-0.2.8",
            "url": "https://github.com/WebAssembly/wasi-random/archive/refs/tags/v0.2.8.tar.gz",
        },
        "package": "wasi:random@0.2.8",
        "wit_dir": "wit",
    },
    "wasi:random@0.3.0": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "619928e4754a14db106ae42318daa5c7e29b842ab884662d6d86d8d1ac9a76fd",
            "strip_prefix": "WASI-0.3.0",
            "url": "https://github.com/WebAssembly/WASI/archive/refs/tags/v0.3.0.tar.gz",
        },
        "package": "wasi:random@0.3.0",
        "tree": "085d491f593d5832c988f8593b5d05c911dcffc19faa42a31a0d142f22b465f7",
        "wit_dir": "proposals/random/wit",
    },
    "wasi:sockets@0.2.0": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "472c06de15ca9411cced4e4008a024b824e68229a8f4bf0714751073c306c87b",
            "strip_prefix": "wasi-sockets-0.2.0",
            "url": "https://github.com/WebAssembly/wasi-sockets/archive/refs/tags/v0.2.0.tar.gz",
        },
        "package": "wasi:sockets@0.2.0",
        "tree": "1652f7f8a290f1afc7760da25ae0368cdb6db7bb322b6cdbfaa3a76480abd191",
        "wit_dir": "wit",
    },
    "wasi:sockets@0.2.3": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "45398e514b21c0003a67295fac6d711f4a2b730b338f6fd5842c433f4db00490",
            "strip_prefix": "wasi-sockets-0.2.3",
            "url": "https://github.com/WebAssembly/wasi-sockets/archive/refs/tags/v0.2.3.tar.gz",
        },
        "package": "wasi:sockets@0.2.3",
        "tree": "e0a1e80a51e11868703134f2d0e5ac922012c8f5cae00c237d162b7ba752a38d",
        "wit_dir": "wit",
    },
    "wasi:sockets@0.2.6": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "ae27539cf51c44d3a3b4ec16a7343ed1d1705c8a2a101b5c78b1be346cf5febc",
            "strip_prefix": "wasi-sockets-0.2.6",
            "url": "https://github.com/WebAssembly/wasi-sockets/archive/refs/tags/v0.2.6.tar.gz",
        },
        "package": "wasi:sockets@0.2.6",
        "tree": "7468e968581c3db3bdd920372cb74baf7dad0dad4d769cf27b72dd5788541fa5",
        "wit_dir": "wit",
    },
    "wasi:sockets@0.2.8": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "b230f2968957cad739c5b86ee20cf9cc9cd5de138e50d4f67b10ad14104eca09",
            "strip_prefix": "wasi-sockets-0.2.8",
            "url": "https://github.com/WebAssembly/wasi-sockets/archive/refs/tags/v0.2.8.tar.gz",
        },
        "package": "wasi:sockets@0.2.8",
        "wit_dir": "wit",
    },
    "wasi:sockets@0.3.0": {
        "archive": {
            "archive": "tar.gz",
            "sha256": "619928e4754a14db106ae42318daa5c7e29b842ab884662d6d86d8d1ac9a76fd",
            "strip_prefix": "WASI-0.3.0",
            "url": "https://github.com/WebAssembly/WASI/archive/refs/tags/v0.3.0.tar.gz",
        },
        "package": "wasi:sockets@0.3.0",
        "tree": "4388c42393378272e5566c5124256b79a771e9b4273629f4952e5d5c66c67640",
        "wit_dir": "proposals/sockets/wit",
    },
}
