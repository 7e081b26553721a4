"""Files as other programs and other countries write them, taken as their suggestions are."""

from __future__ import annotations

from pathlib import Path

import pytest
from reading_as_suggested import fields_of, load_text

from taproot_customer.imports.mapping import suggest
from taproot_customer.imports.parsing import look_at


class TestEmployers:
    """Address books hold people with their companies, and companies without people."""

    TEXT = "First Name,Last Name,Organization Name,Phone\nAnn,Lee,Lee Ltd,+1 212 555 0100\n,,Sole Org,+1 212 555 0101\n"

    def test_names_the_rows_without_a_person(self, tmp_path: Path) -> None:
        named = [(row.fields["display_name"], row.fields["kind"]) for row in load_text(self.TEXT, tmp_path)]
        assert named == [("Ann Lee", "person"), ("Sole Org", "organization")]

    def test_is_kept_where_everything_is(self, tmp_path: Path) -> None:
        person, organization = load_text(self.TEXT, tmp_path, keep_unmapped=True)
        assert person.fields["note"] == "Organization Name: Lee Ltd"
        assert "note" not in organization.fields

    def test_beside_a_full_name(self, tmp_path: Path) -> None:
        text = "Name\tCompany\nŁukasz Żółć\tŻubr Sp. z o.o.\n\tOnly Org\n"
        named = [(row.fields["display_name"], row.fields["kind"]) for row in load_text(text, tmp_path)]
        assert named == [("Łukasz Żółć", "person"), ("Only Org", "organization")]

    def test_short_chinese_names_under_company_are_companies(self, tmp_path: Path) -> None:
        assert (
            load_text("公司名称,电话\n小米,010-60606666\n", tmp_path, organizations=True)[0].fields["kind"]
            == "organization"
        )
        assert load_text("客户名称,电话\n张伟,010-60606666\n", tmp_path)[0].fields["kind"] == "person"


class TestBirthdays:
    @pytest.mark.parametrize("text", ["--05-17", "--0517", "05/17", "5月17日", "1604-05-17"])
    def test_without_a_year_are_told_in_the_note(self, text: str, tmp_path: Path) -> None:
        (row,) = load_text(f"Name,Birthday\nAnn Lee,{text}\n", tmp_path)
        assert row.fields["note"] == f"Birthday: {text}"
        assert "birth_date" not in row.fields

    @pytest.mark.parametrize("text", ["0/0/00", "0000-00-00", "00.00.0000"])
    def test_zeros_are_none(self, text: str, tmp_path: Path) -> None:
        (row,) = load_text(f"Name,Birthday\nAnn Lee,{text}\n", tmp_path)
        assert not row.reasons
        assert "birth_date" not in row.fields


class TestPrograms:
    """Headers as other programs write them."""

    @pytest.mark.parametrize(
        ("header", "fields"),
        [
            ("Person - ID,Person - Name,Person - Organization,Person - Email - Work,Person - Phone - Mobile",
             "external display_name organization_name email phone.mobile"),
            ("Organization - ID,Organization - Name,Organization - City/town/village/locality of Address,Organization - Country of Address",
             "external display_name address.city address.country"),
            ("(Do Not Modify) Account,Account Name,Main Phone,Address 1: City,Account Number",
             " display_name phone address.city external"),
            ("*ContactName,FirstName,LastName,POAddressLine1,POCity,PORegion,POPostalCode,SAAddressLine1",
             "display_name given_name family_name address.lines address.city address.region address.postal_code address.2.lines"),
            ("Account Name,Billing Street,Billing Code,Shipping Street,Shipping Code",
             "display_name address.lines address.postal_code address.2.lines address.2.postal_code"),
            ("First Name,Last Name,Billing Company,Billing Address 1,Billing Postcode",
             "given_name family_name organization_name address.lines address.postal_code"),
            ("Default Address Company,Default Address Address1,Default Address Province Code,Default Address Zip",
             " address.lines address.region address.postal_code"),
            ("name,company_type,street2,state_id,zip,country_id,vat",
             "display_name kind address.lines address.region address.postal_code address.country tax_number"),
            ("姓名,手机,座机,个人邮箱,地址,企业邮箱", "display_name phone.mobile phone email.home address.lines email"),
            ("患者编号,患者姓名,出生日期,联系电话,家庭住址", "external display_name birth_date phone address.lines"),
            ("客户名称（必填）,省,市,区,详细地址,一级行业",
             "display_name address.region address.city address.lines address.lines industry"),
        ],
        ids=lambda value: value.split(",")[0],
    )  # fmt: skip
    def test_headers(self, header: str, fields: str) -> None:
        assert fields_of(*header.split(",")) == fields.split(" ")

    def test_short_names_are_told_by_their_values(self) -> None:
        rows = [["Ann Lee", "+1 212 555 0100", "+1 212 555 0101"], ["Bob Ray", "+1 212 555 0102", ""]]
        assert [column.suggested for column in suggest(["name", "Work", "Home"], rows)] == [
            "display_name", "phone", "phone.home",
        ]  # fmt: skip


class TestLanguages:
    @pytest.mark.parametrize(
        ("header", "fields"),
        [
            ("Kundennummer;Firma;Vorname;Nachname;Straße;PLZ;Ort;Telefon",
             "external organization_name given_name family_name address.lines address.postal_code address.city phone"),
            ("Vorname;Name;Handy", "given_name family_name phone.mobile"),
            ("Nom;Prénom;Société;Courriel;Portable", "family_name given_name organization_name email phone.mobile"),
            ("Nom;Téléphone;Ville", "display_name phone address.city"),
            ("Nombre;Apellidos;Teléfono;Código postal", "given_name family_name phone address.postal_code"),
            ("Ragione sociale;Partita IVA;Indirizzo;CAP", "display_name tax_number address.lines address.postal_code"),
            ("Empresa;CNPJ;Endereço;CEP", "display_name tax_number address.lines address.postal_code"),
            ("Наименование;ИНН;Телефон;Город", "display_name tax_number phone address.city"),
            ("会社名;郵便番号;住所;電話番号", "display_name address.postal_code address.lines phone"),
            ("客戶名稱;電話;統一編號;備註", "display_name phone  note"),
            ("회사명;전화번호;이메일", "display_name phone email"),
        ],
        ids=lambda value: value.split(";")[0],
    )  # fmt: skip
    def test_headers(self, header: str, fields: str) -> None:
        assert fields_of(*header.split(";")) == fields.split(" ")

    @pytest.mark.parametrize(
        ("encoding", "text"),
        [
            ("cp1251", "Наименование;Город\nООО «Ромашка»;Москва\nИванов Иван Иванович;Санкт-Петербург\n"),
            ("cp932", "会社名,電話番号\n株式会社山田商事,03-1234-5678\nメールサービス,03-1111-2222\n"),
            ("cp949", "회사명,이름,전화번호,이메일\n삼성전자,홍길동,02-1234-5678,hong@x.example\n"),
            ("cp950", "客戶名稱,電話,地址\n台灣積體電路製造股份有限公司,03-5636688,新竹市力行六路8號\n"),
            ("cp1252", "Straße;Ort\nKönigstraße 5;Düsseldorf\nÄußere Mühle;Gießen\n"),
            ("cp1250", "Ulice;Město\nŽižkova třída;Plzeň\nŘehořova;Šumperk\n"),
        ],
    )
    def test_encodings(self, encoding: str, text: str, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(text.encode(encoding))
        assert look_at(str(path)).encoding == encoding
