# columns.pl: which column of a CSV file is the customer, the time, the amount, by the
# names that shops and their programs give them, and by a look at some rows.
#
# choose_columns(HEADER, ROWS, GIVEN) takes the names of the columns, some rows as arrays
# of cells, and what the caller decided (CUSTOMER => 'buyer'); all of it UTF-8. It gives
#
#	safe		the name of every column that SQL, a shell and make take as it is
#	spellings	[spelling, position]: all names by which SQL can call a column
#	roles		{variable, role, required, given, guess, guess_note} in order
#	others		columns that could be the customer as well, counted from 0
#	watched		[position, 'status' or 'currency']: columns to be looked at
#	problems	what the caller must decide first, a sentence each
#
# Guesses are expressions of safe names.
use strict;
use warnings;
use utf8;
use Encode ();
use Unicode::Normalize ();

# Role, tier, names. Names are without accents, underscores and blanks, in lower case. A
# lower tier wins; two columns in the best tier are for the caller to decide. Tier 0 is
# of one kind of export and only counts beside a column whose name it ends with.
my $known = parse_known(<<'END');
customer 1 customeruniqueid personid
customer 2 customerid customerkey customerno customernumber customercode custid custno idcustomer
customer 2 kundennummer kundennr kundenid kundeid kdnr nclient noclient numeroclient numclient codeclient idclient
customer 2 clienteid idcliente codigocliente codcliente numerocliente codicecliente klantid klantnummer klantnr
customer 3 customer kunde cliente klant client clientid clientnumber
customer 4 userid buyeruserid buyerid memberid accountid visitorid householdkey householdid shopperid
customer 5 email customeremail emailaddress customeremailaddress buyeremail billingemail emailbilling fromemailaddress
customer 5 absenderemailadresse emailadresse mailadresse adresseemail courriel correo correoelectronico emailcliente
customer 6 buyer user
time 0 createdat lineitem
time 1 orderedat orderdate ordertime orderdatetime ordertimestamp ordercreatedat orderplacedat dateoforder
time 1 purchasedat purchasedate purchasetime purchasetimestamp orderpurchasetimestamp
time 1 bestelldatum auftragsdatum kaufdatum datecommande datedecommande dateachat datedachat
time 1 fechapedido fechadepedido fechacompra fechadecompra dataordine datadellordine dataacquisto
time 1 datapedido datadopedido datacompra datadacompra besteldatum orderdatum
time 2 invoicedate transactiondate transactiontime transactiontimestamp saledate salesdate soldat
time 2 rechnungsdatum belegdatum buchungsdatum transaktionsdatum datefacture fechafactura datafattura factuurdatum
time 3 createdat created createdon createdutc createddateutc datecreated dateadd date datetime timestamp time day eventtime
time 3 datum fecha data zeitstempel
time 4 paidat datepaid paiddate
clock 1 time ordertime purchasetime saletime transactiontime invoicetime timeofday
clock 1 uhrzeit zeit heure heurecommande hora horapedido ora orario tijd
zone 1 timezone zeitzone fuseauhoraire zonahoraria fusoorario tijdzone fusohorario
amount 0 total lineitem
amount 0 itemprice amazonorderid
amount 1 amount orderamount ordertotal ordertotalamount totalamount totalprice paymentvalue
amount 1 grandtotal grandtotalbase totalpaid montant montantttc montanttotal totalttc
amount 1 betrag gesamtbetrag gesamtsumme bestellwert rechnungsbetrag importe importetotal montototal
amount 1 importo importototale totaleordine bedrag totaalbedrag orderbedrag valortotal
amount 2 ordervalue total totalsales totalcollected revenue totalrevenue sales umsatz summe gesamt gesamtpreis totale totaal
amount 3 netsales netrevenue nrevenue nettotal gross brutto bruttobetrag brut
amount 4 subtotal ordersubtotal value valor monetary spend grosssales
amount 5 linetotal itemtotal lineamount itemsubtotal linesubtotal extendedprice
amount 7 price preis prix precio prezzo prijs preco lineitemprice
amount 8 net netto
quantity 1 quantity qty units lineitemquantity menge anzahl stueckzahl quantite cantidad quantita aantal quantidade
unit 1 unitprice price itemprice lineitemprice preis einzelpreis stueckpreis prixunitaire prix
unit 1 preciounitario precio prezzounitario prezzo stuksprijs prijs precounitario preco
order 0 name lineitem
order 1 orderid amazonorderid idorder bestellid bestelid idcommande idpedido pedidoid
order 2 ordernumber orderno bestellnummer bestellnr auftragsnummer auftragsnr numerocommande ncommande nocommande numcommande
order 2 numeropedido numerodepedido npedido numeroordine nordine bestelnummer ordernr ordernummer
order 3 order orderkey commande pedido ordine
order 4 invoiceno invoiceid invoicenumber invoice rechnungsnummer rechnungsnr numerofacture nfacture factura fattura
order 5 transactionid transaktionscode transactioncode receiptid receiptno
country 1 country countrycode countryname land pays pais paese
country 2 shipcountry shippingcountry
country 3 billingcountry region market
status 1 status orderstatus financialstatus paymentstatus transactionstatus statut etat estado stato bestellstatus auftragsstatus zustand
currency 1 currency currencycode ordercurrency wahrung waehrung devise moneda valuta moeda
event 1 event eventtype eventname action activity
END

# What people do in a shop, in a log of all of it
my $is_order  = qr/^(?:purchased?|transaction|orders?|ordered|buy|bought|sale|(?:order|checkout)[ _-]?(?:complete|completed|placed))$/i;
my $is_browsing = qr/view|click|cart|search|browse|visit|impression|wish|session|scroll|detail/i;

# Money as a whole number: total_cents, "Importe en céntimos"
my $is_hundredths = qr/(?<![^\W_])(?:cents?|pence|c[eéê]ntimos?|centimes?|centesimi|centavos?)(?![^\W_])/i;

my $is_clock = qr/^\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?\s*(?:[ap]\.?\s?m\.?)?$/i;

# Words that SQL does not take for a column without quotes
my %reserved = map { $_ => 1 } qw(
  all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both
  case cast char character check coalesce collate collation column concurrently constraint create cross
  current_catalog current_date current_role current_schema current_time current_timestamp current_user dec
  decimal default deferrable desc distinct do else end except exists extract false fetch float for foreign
  freeze from full grant greatest group grouping having ilike in initially inner inout int integer intersect
  interval into is isnull join lateral leading least left like limit localtime localtimestamp national natural
  nchar none normalize not notnull null nullif numeric offset on only or order out outer overlaps overlay
  placing position precision primary real references returning right row select session_user setof similar
  smallint some substring symmetric system_user table tablesample then to trailing treat trim true union
  unique user using values varchar variadic verbose when where window with xmlattributes);

my @roles = (
	[ 'customer', 'CUSTOMER', 1 ],
	[ 'time', 'TIME', 1 ],
	[ 'amount', 'AMOUNT', 1 ],
	[ 'order', 'ORDER_ID', 0 ],
	[ 'country', 'COUNTRY', 0 ]);

sub choose_columns
{
	my ($header, $rows, $given) = @_;
	my @names = map { Encode::decode('UTF-8', $_) } @$header;
	my %plan = (problems => []);

	@plan{qw(safe spellings)} = spellings(@names);
	$plan{recognized} = recognized(\@names);
	$plan{names} = \@names;
	$plan{rows} = $rows;
	$plan{given} = { map { $_ => Encode::decode('UTF-8', $given->{$_} // '') =~ s/^\s+|\s+$//gr } keys %$given };

	foreach my $role (@roles)
	{
		my ($name, $variable, $required) = @$role;
		my $mine = $plan{given}{$variable} // '';
		my ($guess, $note) = $mine eq '' ? guess(\%plan, @$role) : ();

		no_such_column(\%plan, $variable, $mine);
		push @{ $plan{roles} }, { role => $name, variable => $variable, required => $required, given => $mine, guess => $guess, guess_note => $note };
	}
	no_such_column(\%plan, 'WHERE', $plan{given}{WHERE} // '');
	watch(\%plan);
	push @{ $plan{problems} }, 'the columns: ' . join(', ', map { as_written($names[$_], $plan{safe}[$_]) } 0 .. $#names) if @{ $plan{problems} };
	return encoded(\%plan);
}

# A column's name, and beside it the one for an expression where it cannot stand itself
sub as_written
{
	my ($name, $safe) = @_;
	return $name =~ /^\w*$/ ? $name : "$name ($safe)";
}

# All text as UTF-8 again
sub encoded
{
	my ($value) = @_;

	return ref $value eq 'HASH' ? { map { $_ => encoded($value->{$_}) } keys %$value }
	  : ref $value eq 'ARRAY' ? [ map { encoded($_) } @$value ]
	  : defined $value ? Encode::encode('UTF-8', my $copy = $value) : undef;
}

sub parse_known
{
	my ($text) = @_;
	my %known;

	foreach (split /\n/, $text)
	{
		my ($role, $tier, @names) = split ' ';
		my $beside = $tier == 0 ? pop @names : undef;

		push @{ $known{$_} }, { role => $role, tier => $tier, beside => $beside } foreach @names;
	}
	return \%known;
}

# "N° client" as nclient, "Größe" as grosse
sub known_form
{
	my ($name) = @_;

	return lc(Unicode::Normalize::NFD($name)) =~ s/ß/ss/gr =~ s/[^\w]|_|\pM//gr;
}

# [role, tier, column], columns counted from 0
sub recognized
{
	my ($names) = @_;
	my @forms = map { known_form($_) } @$names;
	my @found;

	foreach my $i (0 .. $#forms)
	{
		foreach my $as (@{ $known->{ $forms[$i] } || [] })
		{
			next if defined $as->{beside} && !grep { index($_, $as->{beside}) == 0 } @forms;
			push @found, [ $as->{role}, $as->{tier}, $i ];
		}
	}
	return \@found;
}

# Every column has one name that needs no quotes: "Unit Price" is unit_price. It can be
# called by its own name, too, where that is no other column's.
sub spellings
{
	my (@names) = @_;
	my %is_name = map { $_ => 1 } @names;
	my (%taken, @safe, %nearest);

	foreach my $i (0 .. $#names)
	{
		my $safe = lc($names[$i]) =~ s/\W+/_/gr =~ s/^_+|_+$//gr;

		$safe = 'column_' . ($i + 1) if $safe eq '';
		$safe = "_$safe" if $safe =~ /^\d/;
		$safe .= '_' if $reserved{$safe};
		$safe = cut($safe, 55);
		$safe .= '_' . ($i + 1) while $taken{$safe} || $is_name{$safe} && $names[$i] ne $safe;
		$taken{$safe} = 1;
		push @safe, $safe;
	}

	# the nearest column has the name, or nobody if two are just as near
	my @ways = (\@names, \@safe, [ map { lc } @names ]);
	foreach my $distance (0 .. $#ways)
	{
		my %here;

		push @{ $here{ $ways[$distance][$_] } }, $_ foreach 0 .. $#names;
		foreach my $spelling (keys %here)
		{
			next if $spelling eq '' || exists $nearest{$spelling} || length(Encode::encode('UTF-8', $spelling)) > 63;
			$nearest{$spelling} = @{ $here{$spelling} } == 1 ? $here{$spelling}[0] : undef;
		}
	}
	return (\@safe, [ map { [ $_, $nearest{$_} + 1 ] } grep { defined $nearest{$_} } sort keys %nearest ]);
}

# So that a name of SQL has no more than so many bytes
sub cut
{
	my ($name, $bytes) = @_;

	chop $name while length(Encode::encode('UTF-8', $name)) > $bytes;
	return $name;
}

# Those of a role in its best tier
sub best
{
	my ($plan, $role, $is_wanted) = @_;
	my @found = sort { $a->[1] <=> $b->[1] || $a->[2] <=> $b->[2] }
	  grep { $_->[0] eq $role && (!$is_wanted || $is_wanted->($_->[2])) } @{ $plan->{recognized} };

	return map { $_->[2] } grep { $_->[1] == $found[0][1] } @found;
}

# The filled cells of a column
sub values_of
{
	my ($plan, $i) = @_;
	return grep { defined && /\S/ } map { $_->[$i] } @{ $plan->{rows} };
}

sub has_clocks
{
	my ($plan, $i) = @_;
	my @values = values_of($plan, $i);
	return @values && !grep { !/$is_clock/ } @values;
}

# The expression for a role, and what to say of it
sub guess
{
	my ($plan, $role, $variable, $required) = @_;
	my $safe = $plan->{safe};
	my @found = best($plan, $role, $role eq 'time' ? sub { !has_clocks($plan, $_[0]) } : undef);

	if ($role eq 'amount')
	{
		my ($price) = best($plan, 'unit');
		my ($quantity) = best($plan, 'quantity');
		my $is_better = defined $price && defined $quantity && !grep { $_->[0] eq 'amount' && $_->[1] < 7 } @{ $plan->{recognized} };

		return "$safe->[$quantity] * $safe->[$price]" if $is_better;
	}
	$#found = 0 if $role eq 'country' && @found;
	if (@found > 1)
	{
		push @{ $plan->{problems} }, join(' and ', map { qq("$plan->{names}[$_]") } @found) . " could each be the $role: write "
		  . join(' or ', map { "$variable=$safe->[$_]" } @found) . ', or an expression';
	}
	elsif (!@found && $required)
	{
		my ($hundredths) = grep { $plan->{names}[$_] =~ /$is_hundredths/ } 0 .. $#$safe;

		push @{ $plan->{problems} }, $role eq 'amount' && defined $hundredths
		  ? qq("$plan->{names}[$hundredths]" looks like the amount, in hundredths: write AMOUNT="$safe->[$hundredths] / 100")
		  : "no column looks like the $role: write $variable= with one of them, or an expression"
		  . ($role eq 'amount' ? ', or AMOUNT=NULL where there is none' : '');
	}
	return if @found != 1;
	return with_clock($plan, $found[0]) if $role eq 'time';
	return $safe->[ $found[0] ];
}

# A date whose time of day, and perhaps zone, stand in columns of their own
sub with_clock
{
	my ($plan, $date) = @_;
	my $safe = $plan->{safe};
	my ($clock) = best($plan, 'clock', sub { $_[0] != $date && has_clocks($plan, $_[0]) });
	my ($zone) = best($plan, 'zone');

	return $safe->[$date] if !defined $clock || grep { /:/ } values_of($plan, $date);
	my $expression = "$safe->[$date] || coalesce(' ' || $safe->[$clock], '')";
	$expression .= " || coalesce(' ' || $safe->[$zone], '')" if defined $zone;
	return $expression;
}

# A single word that is no column is a mistake, and needs no server to be seen.
sub no_such_column
{
	my ($plan, $variable, $given) = @_;

	return if $given !~ /^[^\W\d]\w*$/ || lc($given) =~ /^(?:null|true|false|current_date|current_timestamp)$/;
	return if grep { $_->[0] eq $given || $_->[0] eq lc $given } @{ $plan->{spellings} };
	push @{ $plan->{problems} }, "$variable=$given: there is no such column";
}

# Columns that say which rows are orders at all. A log of everything that visitors do is
# no list of orders, whatever the rest of it says.
sub watch
{
	my ($plan) = @_;
	my ($safe, $where) = ($plan->{safe}, $plan->{given}{WHERE} // '');

	$plan->{watched} = [ map { [ $_->[2] + 1, $_->[0] ] } grep { $_->[0] =~ /^(?:status|currency)$/ } @{ $plan->{recognized} } ];
	$plan->{others} = [ map { $_->[2] } sort { $a->[1] <=> $b->[1] } grep { $_->[0] eq 'customer' } @{ $plan->{recognized} } ];
	foreach my $event (best($plan, 'event'))
	{
		my %count;

		$count{$_}++ foreach values_of($plan, $event);
		my ($order) = grep { /$is_order/ } sort keys %count;
		next if !defined $order || !grep { /$is_browsing/ } keys %count;
		next if grep { $_->[1] == $event + 1 && $where =~ /\b\Q$_->[0]\E\b/i } @{ $plan->{spellings} };
		push @{ $plan->{problems} }, "$plan->{names}[$event] says what happened ("
		  . join(', ', sort keys %count) . "), and not all of it is an order: write WHERE=\"$safe->[$event] = '$order'\"";
	}
}

1;
