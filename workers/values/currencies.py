"""The currencies of ISO 4217, and how many minor digits they have."""

from decimal import ROUND_HALF_EVEN, Decimal

DEFAULT_DIGITS = 2
_WITHOUT = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_FOUR = "CLF UYW"
_TWO = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY
    COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR
    JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO
    NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB
    TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW ZWG
"""
_DIGITS = {
    code: digits for codes, digits in ((_TWO, 2), (_WITHOUT, 0), (_THREE, 3), (_FOUR, 4)) for code in codes.split()
}
CODES = frozenset(_DIGITS)
"""The codes of ISO 4217 in use."""


def whole_units(minor: float, currency: str) -> str:
    """An amount in whole units of its currency, rounded: `12,400`."""
    return f"{(Decimal(minor) / 10 ** minor_digits(currency)).quantize(Decimal(1), ROUND_HALF_EVEN):,}"


def minor_digits(currency: str) -> int:
    """Return how many minor digits a currency has: none for JPY, 3 for KWD; an unknown one has two."""
    return _DIGITS.get(currency, DEFAULT_DIGITS)
